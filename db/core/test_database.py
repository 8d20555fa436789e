"""The database of test keys: a separate SQLite file or PostgreSQL schema, kept for a short time.

Its name contains the newest migration, so that a release with another schema creates a new one instead of migrating it.
"""

from pathlib import Path

from sqlalchemy import text

from db.core.base import Base
from db.core.schema import list_known_revisions
from db.core.session import Database

_SCHEMA = "emoscope_test"
_LOCK = 0x456D6F74
"""Key of the PostgreSQL advisory lock for creating the tables ("Emot")."""


def open_test_database(real: Database, folder: Path) -> Database:
    """Open the test database that belongs to the real one, with its tables. folder: where its file is created for SQLite."""
    head = list_known_revisions()[0]
    if real.is_sqlite:
        folder.mkdir(parents=True, exist_ok=True)
        database = Database(f"sqlite:///{folder}/test-mode-{head}.db")
        with database.engine.execution_options(emoscope_writes=True).begin() as connection:
            Base.metadata.create_all(connection)
        return database
    schema = f"{_SCHEMA}_{head}"
    database = Database(real.engine.url.render_as_string(hide_password=False), schema=schema)
    with database.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        Base.metadata.create_all(connection)
    return database
