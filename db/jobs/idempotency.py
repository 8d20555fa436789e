"""Idempotency keys: a repeated submission returns the first job or batch."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from db.core.errors import DomainError
from db.core.rows import get_table
from db.core.types import utcnow
from db.jobs.tables import IdempotencyKey

_KEYS = get_table(IdempotencyKey)


class IdempotencyConflict(DomainError):
    """The Idempotency-Key was used before, with another photo or other options."""

    code = "idempotency_conflict"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Idempotency-Key used before"
    meaning = "This `Idempotency-Key` was used before, with another photo or other options."


@dataclass(frozen=True, slots=True)
class Repeatable:
    """An idempotency key, and the fingerprint (hex SHA-256) of the whole request."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class EarlierSubmission:
    """The job or batch that an earlier request with the same key created."""

    job_id: UUID | None
    batch_id: UUID | None


_FIND = select(_KEYS.c.fingerprint, _KEYS.c.expires_at, _KEYS.c.job_id, _KEYS.c.batch_id)
_INSERT = insert(_KEYS)


def find_submission(
    source: Connection | Session, application_id: UUID, repeatable: Repeatable
) -> EarlierSubmission | None:
    """Return the earlier submission with this key, or None.

    Raises IdempotencyConflict if its request was different.
    """
    is_key = (_KEYS.c.application_id == application_id) & (_KEYS.c.key == repeatable.key)
    earlier = source.execute(_FIND.where(is_key)).first()
    if earlier is None or earlier.expires_at <= utcnow():
        return None
    if earlier.fingerprint != repeatable.fingerprint:
        raise IdempotencyConflict("this Idempotency-Key was used before for a different request")
    return EarlierSubmission(earlier.job_id, earlier.batch_id)


def remember_submission(
    source: Connection | Session,
    application_id: UUID,
    repeatable: Repeatable,
    *,
    retention_s: float,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> None:
    """Store a submission for `retention_s` seconds. Raises IntegrityError if another request stored it first.

    Deletes an expired submission with this key.
    """
    now = utcnow()
    is_key = (_KEYS.c.application_id == application_id) & (_KEYS.c.key == repeatable.key)
    source.execute(delete(_KEYS).where(is_key, _KEYS.c.expires_at <= now))
    row = {
        "id": uuid7(),
        "application_id": application_id,
        "key": repeatable.key,
        "fingerprint": repeatable.fingerprint,
        "job_id": job_id,
        "batch_id": batch_id,
        "expires_at": now + timedelta(seconds=retention_s),
    }
    source.execute(_INSERT, row)


def forget_expired_submissions(session: Session) -> None:
    """Delete expired idempotency keys."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= utcnow()))
