"""The migrations create exactly the schema of the models, on both databases, and can be reverted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, event, insert, inspect, select, text

from db.core import migrate
from db.core.base import Base
from db.core.schema import SchemaAge, list_known_revisions, read_schema
from db.core.session import Database
from tests.support.waiting import wait_until


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


def test_what_refers_to_a_table_that_is_made_anew_is_kept(empty_database: Database) -> None:
    """SQLite can't alter a column: its table is made anew, and the old one dropped. Batches so forward, jobs so back."""
    migrate.upgrade(empty_database, "0015")
    ids: dict[str, object] = {name: uuid4() for name in ("application", "batch", "job")}
    if empty_database.is_sqlite:  # which has them as text
        ids = {name: str(value).replace("-", "") for name, value in ids.items()}
    with empty_database.engine.begin() as connection:
        for table, values in {
            "applications": {"id": ids["application"], "name": "shop", "callback_secret": "s"},
            "batches": {"id": ids["batch"], "application_id": ids["application"], "refused": []},
            "jobs": {
                "id": ids["job"], "application_id": ids["application"], "batch_id": ids["batch"], "batch_position": 0,
                "status": "failed", "priority": "bulk", "photo_retention_s": 1, "photo_sha256": "0" * 64, "photo_bytes": 1,
                "media_type": "image/png", "width": 1, "height": 1, "max_attempts": 1, "revision": 1, "attempt": 1,
            },
            "job_events": {"job_id": ids["job"], "to_status": "failed", "attempt": 1, "actor": "sweeper"},
        }.items():  # fmt: skip
            metadata = MetaData()
            made = Table(table, metadata, autoload_with=connection)
            moments = {
                "created_at": datetime.now(UTC).replace(tzinfo=None),
                "at": datetime.now(UTC).replace(tzinfo=None),
            }
            own = {name: value for name, value in moments.items() if name in made.columns}
            connection.execute(made.insert().values(**own, **values))

    def count() -> tuple[int, int, int]:
        with empty_database.engine.connect() as connection:
            return tuple(
                connection.execute(text(f"SELECT count({column}) FROM {table}")).scalar_one()
                for table, column in (("jobs", "batch_id"), ("job_events", "job_id"), ("batches", "id"))
            )

    assert count() == (1, 1, 1)
    migrate.upgrade(empty_database)
    assert count() == (1, 1, 1)
    migrate.move(empty_database, "0015")
    assert count() == (1, 1, 1)
    with empty_database.engine.begin() as connection:  # and they are kept in order again
        connection.execute(text("DELETE FROM jobs"))
    assert count() == (0, 0, 1)


def test_a_migration_that_would_break_a_reference_changes_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/broken.db")
    migrate.upgrade(database, "0017")
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys = OFF")
        driver.execute("INSERT INTO batch_counts VALUES ('gone', 0, 1, 1, 1, 1)")
        driver.commit()
        driver.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(migrate.BrokenReference, match="a row of batch_counts refers to one of batches that is missing"):
        migrate.upgrade(database)
    assert read_schema(database).revision == "0017"
    database.close()
