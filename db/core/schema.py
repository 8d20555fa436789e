"""Tells whether this release works with a database's schema, also with one of a newer release."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from db.core.session import Database
from db.core.tables import SchemaCompatibility

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_ASSIGNED = re.compile(r"^(revision|down_revision) = (.+)$", re.MULTILINE)
_READ_REVISION = text("SELECT version_num FROM alembic_version")


class SchemaAge(StrEnum):
    """A database's schema compared with this release's."""

    CURRENT = "current"
    OLDER = "older"
    """It needs this release's migrations, or doesn't exist yet."""
    NEWER = "newer"
    """It is from a newer release, and compatible with this one."""
    TOO_NEW = "too_new"
    """It is from a newer release, and not compatible with this one."""


@dataclass(frozen=True)
class Schema:
    """The schema of a database."""

    revision: str | None
    """Of the newest applied migration; None before the first."""
    age: SchemaAge

    @property
    def is_usable(self) -> bool:
        """Whether this release works with it."""
        return self.age in {SchemaAge.CURRENT, SchemaAge.NEWER}


@cache
def list_known_revisions() -> tuple[str, ...]:
    """List the migrations of this release, newest first. The first is the revision of its own schema."""
    # read as text: Alembic would import all of them, in each process that answers whether the schema is usable
    found = [dict(_ASSIGNED.findall(path.read_text())) for path in (MIGRATIONS / "versions").glob("[0-9]*.py")]
    following = {each["down_revision"].strip("\"'"): each["revision"].strip("\"'") for each in found}
    revisions, newest = list[str](), following.get("None")
    while newest is not None:
        revisions.insert(0, newest)
        newest = following.get(newest)
    return tuple(revisions)


def read_schema(database: Database) -> Schema:
    """Read the schema: one query while it is this release's own. Raises SQLAlchemyError if the database doesn't answer."""
    no_table = OperationalError if database.is_sqlite else ProgrammingError
    try:
        with database.engine.connect() as connection:
            return _compare(connection, connection.execute(_READ_REVISION).scalar())
    except no_table:
        with database.engine.connect() as connection:
            return read_schema_of(connection)


def read_schema_of(connection: Connection) -> Schema:
    """Like `read_schema`, within a transaction."""
    is_there = _has_table(connection, "alembic_version")
    return _compare(connection, connection.execute(_READ_REVISION).scalar() if is_there else None)


def _compare(connection: Connection, revision: str | None) -> Schema:
    known = list_known_revisions()
    if revision == known[0]:
        return Schema(revision, SchemaAge.CURRENT)
    if revision is None or revision in known:
        return Schema(revision, SchemaAge.OLDER)
    # `oldest_revision` of a newer schema is this release or older only if this release knows it.
    is_there = _has_table(connection, SchemaCompatibility.__tablename__)
    oldest = connection.execute(select(SchemaCompatibility.oldest_revision)).scalar() if is_there else None
    return Schema(revision, SchemaAge.NEWER if oldest in known else SchemaAge.TOO_NEW)


def _has_table(connection: Connection, name: str) -> bool:
    return inspect(connection).has_table(name)
