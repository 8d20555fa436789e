"""Whether this release works with a schema."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from db.core import migrate
from db.core.schema import SchemaAge, list_known_revisions, read_schema
from db.core.session import Database


@pytest.fixture
def new_database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/new.db")
    yield opened
    opened.close()


def pretend(database: Database, revision: str, oldest: str | None) -> None:
    """Let the schema be one that another release made."""
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        session.execute(text("UPDATE schema_compatibility SET oldest_revision = :oldest"), {"oldest": oldest or "9998"})


def test_a_schema_is_older_until_the_last_migration_is_done(new_database: Database) -> None:
    assert (read_schema(new_database).age, read_schema(new_database).revision) == (SchemaAge.OLDER, None)
    migrate.upgrade(new_database, "0001")
    assert (read_schema(new_database).age, read_schema(new_database).is_usable) == (SchemaAge.OLDER, False)
    migrate.upgrade(new_database)
    assert read_schema(new_database).age is SchemaAge.CURRENT
    assert read_schema(new_database).revision == list_known_revisions()[0]
    assert read_schema(new_database).is_usable


def test_a_newer_schema_is_usable_only_where_it_says_so(new_database: Database) -> None:
    migrate.upgrade(new_database)
    for oldest, age in (
        (list_known_revisions()[0], SchemaAge.NEWER),
        (list_known_revisions()[-1], SchemaAge.NEWER),
        (None, SchemaAge.TOO_NEW),
    ):
        pretend(new_database, "9999", oldest)
        assert (read_schema(new_database).revision, read_schema(new_database).age) == ("9999", age)
        assert read_schema(new_database).is_usable == (age is SchemaAge.NEWER)
