"""The migrations make exactly the schema that the models describe, on both databases, and can be taken back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, select

from db import migrate
from db.models import Base
from db.session import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own without a schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/empty.db"
    else:
        make: Callable[[str], str] = request.getfixturevalue("make_postgresql_database")
        url = make(f"empty_{request.node.name.split('[')[0][-40:]}")
    database = Database(url)
    yield database
    database.close()


def test_the_migrations_make_what_the_models_describe(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    with empty_database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_old_schema_is_told_from_the_newest(empty_database: Database) -> None:
    assert not migrate.is_current(empty_database)
    migrate.upgrade(empty_database, "0001")
    assert not migrate.is_current(empty_database)
    migrate.upgrade(empty_database)
    assert migrate.is_current(empty_database)


def test_every_migration_can_be_taken_back_and_made_again(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    migrate.downgrade(empty_database, "base")
    assert set(inspect(empty_database.engine).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(empty_database)
    assert migrate.is_current(empty_database)


def test_upgrading_twice_changes_nothing(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    before = inspect(empty_database.engine).get_table_names()
    migrate.upgrade(empty_database)
    assert inspect(empty_database.engine).get_table_names() == before


def test_versions_of_the_network_that_was_called_default_are_called_small(empty_database: Database) -> None:
    migrate.upgrade(empty_database, "0006")
    versions = Base.metadata.tables["model_versions"]
    rows = [
        {"number": number, "name": "a", "architecture": name, "digest": str(number) * 64, "manifest": {}}
        for number, name in enumerate(("default", "report", "large"))
    ]
    with empty_database.engine.begin() as connection:
        connection.execute(insert(versions), rows)
    migrate.upgrade(empty_database, "0007")
    with empty_database.engine.connect() as connection:
        found = connection.scalars(select(versions.c.architecture).order_by(versions.c.number)).all()
    assert found == ["small", "report", "large"]
