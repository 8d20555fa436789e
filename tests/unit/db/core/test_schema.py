"""Compatibility of schemas; tests/migrations has the migrations themselves, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from db.core import migrate
from db.core.schema import MIGRATIONS, SchemaAge, list_known_revisions, read_schema, read_schema_of
from db.core.session import Database


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/own.db")
    yield database
    database.close()


def test_the_known_revisions_are_those_of_alembic_in_its_order() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert list_known_revisions() == tuple(script.revision for script in scripts)


def test_an_empty_database_and_an_old_schema_need_the_migrations(own_database: Database) -> None:
    assert (read_schema(own_database).revision, read_schema(own_database).age) == (None, SchemaAge.OLDER)
    migrate.upgrade(own_database, "0001")
    assert (read_schema(own_database).revision, read_schema(own_database).is_usable) == ("0001", False)


def test_a_newer_schema_without_the_table_of_compatible_releases_is_too_new(own_database: Database) -> None:
    migrate.upgrade(own_database, "0001")
    with own_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert read_schema(own_database).age is SchemaAge.TOO_NEW


def test_inside_a_transaction_it_says_the_same(own_database: Database) -> None:
    with own_database.engine.connect() as connection:
        assert read_schema_of(connection) == read_schema(own_database)
    migrate.upgrade(own_database)
    with own_database.engine.connect() as connection:
        assert read_schema_of(connection) == read_schema(own_database)
    assert read_schema(own_database).revision == list_known_revisions()[0]
