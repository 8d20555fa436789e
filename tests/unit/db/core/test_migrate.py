"""Whether a schema is the newest, and whether this release knows it. What the migrations do: tests/migrations."""

from pathlib import Path

from sqlalchemy import inspect, text

from db.core import migrate
from db.core.session import Database


def test_an_empty_database_is_not_current_and_an_upgraded_one_is(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    assert not migrate.is_current(database)
    assert migrate.find_unknown_revision(database) is None
    migrate.upgrade(database, "0001")
    assert not migrate.is_current(database)
    migrate.upgrade(database)
    assert migrate.is_current(database)
    assert migrate.find_unknown_revision(database) is None
    migrate.downgrade(database, "base")
    assert "jobs" not in inspect(database.engine).get_table_names()
    database.close()


def test_a_schema_of_a_newer_release_is_named(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/newer.db")
    migrate.upgrade(database, "0001")
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert migrate.find_unknown_revision(database) == "9999"
    assert not migrate.is_current(database)
    database.close()
