"""The schema's versions. Migrations are the only way a schema is made, in tests too.

To add one after changing the models: `python -m db.core.migrate revision "what changes"`, then read what it wrote.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db.core.session import Database

_MIGRATIONS = Path(__file__).parents[1] / "migrations"

_LOCK = 0x456D6F73
"""Key of the PostgreSQL advisory lock that lets one process migrate at a time ("Emos")."""


class UnknownRevision(Exception):
    """This release has no such revision of the schema."""


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to a revision. Several processes may call it at once; the later ones find nothing to do."""
    with database.engine.execution_options(emoscope_writes=True).begin() as connection:
        _wait_for_turn(connection)
        command.upgrade(_make_config(connection), revision)


def _wait_for_turn(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        return  # the transaction holds the only lock that there is
    # The migration of another process may take longer than any other lock is waited for, and so may a statement of ours.
    waits = connection.execute(text("SHOW lock_timeout")).scalar_one()
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("SELECT set_config('lock_timeout', :waits, true)"), {"waits": waits})


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; "base" is an empty database."""
    with database.engine.execution_options(emoscope_writes=True).begin() as connection:
        _wait_for_turn(connection)
        command.downgrade(_make_config(connection), revision)


def move(database: Database, revision: str) -> bool:
    """Bring the schema to a revision, forward or back. Returns whether that was back. Raises UnknownRevision."""
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        known = [script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()]  # the newest first
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


def is_current(database: Database) -> bool:
    """Whether the database has the newest schema."""
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        return found == ScriptDirectory.from_config(_make_config(connection)).get_current_head()


def get_head() -> str:
    """The newest revision that this release knows."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def find_unknown_revision(database: Database) -> str | None:
    """The revision of the schema if this release doesn't know it, because a newer release made it; else None."""
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(_make_config(connection)).walk_revisions()}
    return found if found is not None and found not in known else None


def _make_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
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
