"""The schema's versions. Migrations are the only way a schema is made, in tests too.

To add one after changing the models: `python -m db.core.migrate revision "what changes"`, then read what it wrote.
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
"""Key of the PostgreSQL advisory lock that lets one process migrate at a time ("Emos")."""


class UnknownRevision(Exception):
    """This release has no such revision of the schema."""


class BrokenReference(Exception):
    """A migration would leave a row that refers to one that is missing. Nothing was changed."""


class SchemaTooNew(Exception):
    """A newer release made the schema, and this one doesn't work with it."""

    def __init__(self, revision: str | None) -> None:
        super().__init__(
            f"a newer release made the database's schema ({revision}), and this one doesn't work with it: "
            "install that release, or restore a backup of before"
        )


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to a revision. Several processes may call it at once; the later ones find nothing to do.

    A newer schema that this release works with is left as it is. Raises SchemaTooNew for another newer one.
    """
    with _migration(database) as connection:
        schema = read_schema_of(connection)
        if schema.age is SchemaAge.TOO_NEW:
            raise SchemaTooNew(schema.revision)
        if schema.age is not SchemaAge.NEWER:
            command.upgrade(_make_config(connection), revision)


@contextmanager
def _migration(database: Database) -> Iterator[Connection]:
    """The transaction of a migration, once no other process migrates.

    SQLite can't alter a column, so Alembic copies the table and drops the old one. With foreign keys on, that deletes the rows
    that refer to the old table's, or takes the reference from them. They can only be turned off before the transaction.
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
    # The migration of another process may take longer than any other lock is waited for, and so may a statement of ours.
    waits = connection.execute(text("SHOW lock_timeout")).scalar_one()
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("SELECT set_config('lock_timeout', :waits, true)"), {"waits": waits})


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; "base" is an empty database."""
    with _migration(database) as connection:
        command.downgrade(_make_config(connection), revision)


def move(database: Database, revision: str) -> bool:
    """Bring the schema to a revision, forward or back. Returns whether that was back. Raises UnknownRevision."""
    known = list_known_revisions()  # the newest first
    found = read_schema(database).revision
    if revision not in known:
        raise UnknownRevision(f"there is no revision {revision}; this release knows {known[-1]} to {known[0]}")
    if found is not None and found not in known:
        raise UnknownRevision(f"the schema is at {found}, which a newer release made: go back with that release")
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
