"""Migrations. They are the only way to create the schema, also in tests.

After changing the models, run `python -m db.core.migrate revision "what changes"` and review the new file.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from db.core.schema import MIGRATIONS, SchemaAge, list_known_revisions, read_schema, read_schema_of
from db.core.session import Database

_LOCK = 0x456D6F73
"""Key of the PostgreSQL advisory lock that allows one migration at a time ("Emos")."""


class UnknownRevision(Exception):
    """This release doesn't know the revision."""


class BrokenReference(Exception):
    """A migration would leave a row with a dangling foreign key. Nothing was changed."""


class SchemaTooNew(Exception):
    """The schema is from a newer release and isn't compatible with this one."""

    def __init__(self, revision: str | None) -> None:
        super().__init__(
            f"the database's schema ({revision}) is from a newer release that this one doesn't support: "
            "install that release, or restore an older backup"
        )


def upgrade(database: Database, revision: str = "head") -> None:
    """Upgrade the schema to a revision. Several processes may call it at once; the later ones find nothing to do.

    A newer schema that this release supports is left unchanged. Raises SchemaTooNew for other newer ones.
    """
    with _migration(database) as connection:
        schema = read_schema_of(connection)
        if schema.age is SchemaAge.TOO_NEW:
            raise SchemaTooNew(schema.revision)
        if schema.age is not SchemaAge.NEWER:
            command.upgrade(_make_config(connection), revision)


@contextmanager
def _migration(database: Database) -> Iterator[Connection]:
    """Open the transaction of a migration, once no other process migrates.

    SQLite can't alter a column, so Alembic copies the table and drops the old one. With foreign keys enabled this would delete or
    unlink the rows that refer to it, and foreign keys can only be disabled before the transaction.
    """
    with database.engine.execution_options(emoscope_writes=True).connect() as connection:
        if not database.is_sqlite:
            with connection.begin():
                _wait_for_turn(connection)
                yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise BrokenReference(f"a row of {broken[0]} refers to one of {broken[2]} that is missing")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _wait_for_turn(connection: Connection) -> None:
    # Another process's migration may run longer than the usual lock timeout, and so may one of our statements.
    waits = connection.execute(text("SHOW lock_timeout")).scalar_one()
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("SELECT set_config('lock_timeout', :waits, true)"), {"waits": waits})


def downgrade(database: Database, revision: str) -> None:
    """Downgrade the schema to a revision; "base" is an empty database."""
    with _migration(database) as connection:
        command.downgrade(_make_config(connection), revision)


def move(database: Database, revision: str) -> bool:
    """Upgrade or downgrade the schema to a revision. Returns whether it was a downgrade. Raises UnknownRevision."""
    known = list_known_revisions()  # newest first
    found = read_schema(database).revision
    if revision not in known:
        raise UnknownRevision(f"there is no revision {revision}; this release knows {known[-1]} to {known[0]}")
    if found is not None and found not in known:
        raise UnknownRevision(f"the schema is at {found}, which is from a newer release: downgrade with that release")
    is_back = found is not None and known.index(revision) > known.index(found)
    if is_back:
        downgrade(database, revision)
    else:
        upgrade(database, revision)
    return is_back


def _make_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _write_revision(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/scratch.db")
        upgrade(database)
        with database.engine.begin() as connection:
            command.revision(_make_config(connection), message=message, autogenerate=True)
        database.close()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "revision":
        sys.exit('usage: python -m db.core.migrate revision "what changes"')
    _write_revision(sys.argv[2])
