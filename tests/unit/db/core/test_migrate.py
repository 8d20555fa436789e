"""The schema's steps. What the migrations do: tests/migrations."""

from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from db.core import migrate
from db.core.schema import SchemaAge, read_schema
from db.core.session import Database


def test_an_empty_database_is_brought_to_any_revision_and_back(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    migrate.upgrade(database, "0001")
    assert (read_schema(database).revision, read_schema(database).age) == ("0001", SchemaAge.OLDER)
    migrate.upgrade(database)
    migrate.upgrade(database)
    assert read_schema(database).age is SchemaAge.CURRENT
    migrate.downgrade(database, "base")
    assert "jobs" not in inspect(database.engine).get_table_names()
    database.close()


def test_an_upgrade_that_fails_leaves_the_schema_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    migrate.upgrade(database, "0001")

    def fail(config: object, _revision: str) -> None:
        connection = config.attributes["connection"]  # type: ignore[attr-defined]
        connection.exec_driver_sql("CREATE TABLE half_done (a)")
        raise IntegrityError("", {}, Exception("no"))

    monkeypatch.setattr("alembic.command.upgrade", fail)
    with pytest.raises(IntegrityError):
        migrate.upgrade(database)
    assert "half_done" not in inspect(database.engine).get_table_names()
    database.close()
