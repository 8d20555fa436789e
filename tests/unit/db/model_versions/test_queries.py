"""Columns of versions that are read with every job."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.exc import NoResultFound

from db.core.session import Database
from db.model_versions import queries
from db.model_versions.queries import find_number
from db.model_versions.tables import ModelVersion
from tests.support.factories.model_versions import make_manifest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_number_is_read_once_and_never_with_the_manifest(
    database: Database, versions: tuple[ModelVersion, ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_known", {})
    asked: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", record)
    for _ in range(2):
        with database.read() as session:
            assert [find_number(session, version.id) for version in versions] == [1, 2]
    event.remove(database.engine, "before_cursor_execute", record)
    read = [statement for statement in asked if "FROM model_versions" in statement]
    assert len(read) == 2
    assert not [statement for statement in read if "manifest" in statement]


def test_a_version_that_is_not_there_is_looked_for_each_time(
    database: Database, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    later = ModelVersion(
        id=uuid4(), number=9, name="later", architecture="report", digest="d" * 64, manifest=make_manifest()
    )
    with database.read() as session, pytest.raises(NoResultFound):
        find_number(session, later.id)
    with database.write() as session:
        session.add(later)
    with database.read() as session:
        assert find_number(session, later.id) == 9
