"""Submissions that can be repeated: the same Idempotency-Key answers with the first job or batch again."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from db.core.errors import DomainError
from db.core.rows import get_table
from db.core.types import utcnow
from db.jobs.tables import IdempotencyKey


class IdempotencyConflict(DomainError):
    """The Idempotency-Key was used before, for another photo or other options."""

    code = "idempotency_conflict"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Idempotency-Key used before"
    meaning = "The same `Idempotency-Key` came earlier with another photo or other options."


@dataclass(frozen=True, slots=True)
class Repeatable:
    """What makes a submission repeatable: the client's key, and the fingerprint (hex SHA-256) of all that it asks for."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier submission made: a job or a batch."""

    job_id: UUID | None
    batch_id: UUID | None


_FIND = select(
    IdempotencyKey.fingerprint, IdempotencyKey.expires_at, IdempotencyKey.job_id, IdempotencyKey.batch_id
).where(IdempotencyKey.application_id == bindparam("application_id"), IdempotencyKey.key == bindparam("key"))


def find_submission(connection: Connection, application_id: UUID, repeatable: Repeatable) -> Earlier | None:
    """The earlier submission with this key, or None if there is none or its time is over.

    Raises IdempotencyConflict if the earlier one asked for something else.
    """
    found = connection.execute(_FIND, {"application_id": application_id, "key": repeatable.key}).first()
    if found is None or found.expires_at <= utcnow():
        return None
    if found.fingerprint != repeatable.fingerprint:
        raise IdempotencyConflict("this Idempotency-Key was used before for a different request")
    return Earlier(found.job_id, found.batch_id)


def remember_submission(
    connection: Connection,
    application_id: UUID,
    repeatable: Repeatable,
    *,
    retention_s: float,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> bool:
    """Remember a submission for `retention_s` seconds, in place of one whose time is over.

    Returns False if another request was quicker; then nothing is stored.
    """
    now = utcnow()
    asked = {
        "fingerprint": repeatable.fingerprint,
        "job_id": job_id,
        "batch_id": batch_id,
        "expires_at": now + timedelta(seconds=retention_s),
    }
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(get_table(IdempotencyKey))
    statement = (
        insert.values(id=uuid7(), application_id=application_id, key=repeatable.key, **asked)
        .on_conflict_do_update(
            index_elements=[IdempotencyKey.application_id, IdempotencyKey.key],
            set_=asked,
            where=IdempotencyKey.expires_at <= now,
        )
        .returning(IdempotencyKey.id)
    )
    return connection.execute(statement).first() is not None


def forget_expired_submissions(session: Session) -> None:
    """Delete the idempotency keys whose time is over."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= utcnow()))
