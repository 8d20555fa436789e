"""Whether this release works with a database's schema, also with one that a newer release made."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from db.core.session import Database
from db.core.tables import SchemaCompatibility

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_READ_REVISION = text("SELECT version_num FROM alembic_version")


class SchemaAge(StrEnum):
    """A schema beside the one that this release makes."""

    CURRENT = "current"
    OLDER = "older"
    """It needs this release's migrations, or there is none yet."""
    NEWER = "newer"
    """A newer release made it, and this one works with it."""
    TOO_NEW = "too_new"
    """A newer release made it, and this one doesn't work with it."""


@dataclass(frozen=True)
class Schema:
    """What a database says of its schema."""

    revision: str | None
    """Of the newest migration that was done; None before the first."""
    age: SchemaAge

    @property
    def is_usable(self) -> bool:
        """Whether this release works with it."""
        return self.age in {SchemaAge.CURRENT, SchemaAge.NEWER}


@cache
def list_known_revisions() -> tuple[str, ...]:
    """The migrations that this release knows, newest first. The first is the one that its own schema has."""
    config = ScriptDirectory(str(MIGRATIONS))
    return tuple(script.revision for script in config.walk_revisions())


def read_schema(database: Database) -> Schema:
    """Ask the database: one query while it has this release's schema. Raises SQLAlchemyError if it doesn't answer."""
    no_table = OperationalError if database.is_sqlite else ProgrammingError
    try:
        with database.engine.connect() as connection:
            return _compare(connection, connection.execute(_READ_REVISION).scalar())
    except no_table:
        with database.engine.connect() as connection:
            return read_schema_of(connection)


def read_schema_of(connection: Connection) -> Schema:
    """As `read_schema`, inside a transaction that goes on."""
    is_there = _has_table(connection, "alembic_version")
    return _compare(connection, connection.execute(_READ_REVISION).scalar() if is_there else None)


def _compare(connection: Connection, revision: str | None) -> Schema:
    known = list_known_revisions()
    if revision == known[0]:
        return Schema(revision, SchemaAge.CURRENT)
    if revision is None or revision in known:
        return Schema(revision, SchemaAge.OLDER)
    # The oldest release that works with a newer schema is this one or an older one only if this one knows its revision.
    is_there = _has_table(connection, SchemaCompatibility.__tablename__)
    oldest = connection.execute(select(SchemaCompatibility.oldest_revision)).scalar() if is_there else None
    return Schema(revision, SchemaAge.NEWER if oldest in known else SchemaAge.TOO_NEW)


def _has_table(connection: Connection, name: str) -> bool:
    return inspect(connection).has_table(name)
