"""Idempotency keys: a repeated submission returns the first job or batch."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.core.errors import DomainError
from db.core.types import utcnow
from db.jobs.tables import IdempotencyKey


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


def find_submission(session: Session, application_id: UUID, repeatable: Repeatable) -> IdempotencyKey | None:
    """Return the earlier submission with this key, or None.

    Raises IdempotencyConflict if its request was different.
    """
    earlier = session.scalar(
        select(IdempotencyKey).where(
            IdempotencyKey.application_id == application_id, IdempotencyKey.key == repeatable.key
        )
    )
    if earlier is None:
        return None
    if earlier.expires_at <= utcnow():
        session.delete(earlier)
        session.flush()
        return None
    if earlier.fingerprint != repeatable.fingerprint:
        raise IdempotencyConflict("this Idempotency-Key was used before for a different request")
    return earlier


def remember_submission(
    session: Session,
    application_id: UUID,
    repeatable: Repeatable,
    *,
    retention_s: float,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> None:
    """Store a submission for `retention_s` seconds. Raises IntegrityError if another request stored it first."""
    session.add(
        IdempotencyKey(
            application_id=application_id,
            key=repeatable.key,
            fingerprint=repeatable.fingerprint,
            job_id=job_id,
            batch_id=batch_id,
            expires_at=utcnow() + timedelta(seconds=retention_s),
        )
    )
    session.flush()


def forget_expired_submissions(session: Session) -> None:
    """Delete expired idempotency keys."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= utcnow()))
