"""The migrations make exactly the schema that the models describe, on both databases, and can be taken back."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, insert, inspect, select, text

from db.core import migrate
from db.core.base import Base
from db.core.schema import SchemaAge, list_known_revisions, read_schema
from db.core.session import Database
from tests.support.waiting import wait_until


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
    assert read_schema(empty_database).age is SchemaAge.OLDER
    migrate.upgrade(empty_database, "0001")
    assert read_schema(empty_database).age is SchemaAge.OLDER
    migrate.upgrade(empty_database)
    assert read_schema(empty_database).age is SchemaAge.CURRENT


def test_every_migration_can_be_taken_back_and_made_again(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    migrate.downgrade(empty_database, "base")
    assert set(inspect(empty_database.engine).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(empty_database)
    assert read_schema(empty_database).age is SchemaAge.CURRENT


def test_upgrading_twice_changes_nothing(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    before = inspect(empty_database.engine).get_table_names()
    migrate.upgrade(empty_database)
    assert inspect(empty_database.engine).get_table_names() == before


def set_schema(database: Database, revision: str, oldest_revision: str) -> None:
    """Make it look like the schema of another release."""
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        session.execute(text("UPDATE schema_compatibility SET oldest_revision = :oldest"), {"oldest": oldest_revision})


def test_a_newer_schema_is_usable_if_this_releases_own_is_not_too_old_for_it(empty_database: Database) -> None:
    migrate.upgrade(empty_database)
    own = list_known_revisions()[0]
    for oldest, age in ((own, SchemaAge.NEWER), ("0012", SchemaAge.NEWER), ("9998", SchemaAge.TOO_NEW)):
        set_schema(empty_database, "9999", oldest)
        schema = read_schema(empty_database)
        assert (schema.revision, schema.age, schema.is_usable) == ("9999", age, age is SchemaAge.NEWER)
    with pytest.raises(migrate.SchemaTooNew, match="9999"):
        migrate.upgrade(empty_database)
    set_schema(empty_database, "9999", own)
    migrate.upgrade(empty_database)
    assert read_schema(empty_database).revision == "9999"


def test_each_migration_says_how_old_a_release_may_be(empty_database: Database) -> None:
    """Also where it is taken back."""

    def read_oldest() -> str:
        with empty_database.engine.connect() as connection:
            return str(connection.execute(text("SELECT oldest_revision FROM schema_compatibility")).scalar_one())

    migrate.upgrade(empty_database, "0012")
    assert read_oldest() == "0012"
    migrate.upgrade(empty_database)
    assert read_oldest() in list_known_revisions()
    migrate.downgrade(empty_database, "0012")
    assert read_oldest() == "0012"


def test_a_current_schema_is_told_by_one_query_and_no_line_in_the_log(
    empty_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    migrate.upgrade(empty_database)
    read_schema(empty_database)
    statements: list[str] = []
    event.listen(empty_database.engine, "before_cursor_execute", lambda _c, _u, sql, *_: statements.append(sql))
    caplog.clear()
    caplog.set_level(0)
    read_schema(empty_database)
    assert [sql for sql in statements if sql != "BEGIN"] == ["SELECT version_num FROM alembic_version"]
    assert [record for record in caplog.records if record.name.startswith("alembic")] == []


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


def test_a_migration_waits_for_another_processes_however_long_that_takes(
    make_postgresql_database: Callable[[str], str],
) -> None:
    """Other locks are waited for a while only, so that none hangs a process; here a tenth of a second."""
    database = Database(make_postgresql_database("waits"))
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("SET lock_timeout = '100ms'"))
    event.listen(database.engine, "connect", lambda connection, _: connection.commit())
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '1s'"
    )
    with ThreadPoolExecutor() as pool, database.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": migrate._LOCK})
        done = pool.submit(migrate.upgrade, database)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            wait_until(lambda: done.done() or watching.execute(waiting).scalar_one(), "it has waited a second")
        assert not done.done(), done.exception()
        other.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": migrate._LOCK})
        other.rollback()
        done.result()
    assert read_schema(database).age is SchemaAge.CURRENT
    with database.write() as session:  # and the schema's changes themselves don't wait for ever
        assert session.execute(text("SHOW lock_timeout")).scalar_one() == "100ms"
    database.close()
