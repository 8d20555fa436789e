"""Submissions that can be repeated: the same Idempotency-Key answers with the first job or batch again."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.core.types import utcnow
from db.jobs.tables import IdempotencyKey


class IdempotencyConflict(Exception):
    """The Idempotency-Key was used before, for another photo or other options."""

    code = "idempotency_conflict"


def find_submission(session: Session, application_id: UUID, key: str, fingerprint: str) -> IdempotencyKey | None:
    """The earlier submission with this key, or None.

    fingerprint: hex SHA-256 of all that is asked for now. Raises IdempotencyConflict if the earlier one asked for
    something else.
    """
    earlier = session.scalar(
        select(IdempotencyKey).where(IdempotencyKey.application_id == application_id, IdempotencyKey.key == key)
    )
    if earlier is None:
        return None
    if earlier.expires_at <= utcnow():
        session.delete(earlier)
        session.flush()
        return None
    if earlier.fingerprint != fingerprint:
        raise IdempotencyConflict("this Idempotency-Key was used before for a different request")
    return earlier


def remember_submission(
    session: Session,
    application_id: UUID,
    key: str,
    fingerprint: str,
    *,
    retention_s: float,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> None:
    """Remember a submission for `retention_s` seconds. Raises IntegrityError if another request was quicker."""
    session.add(
        IdempotencyKey(
            application_id=application_id,
            key=key,
            fingerprint=fingerprint,
            job_id=job_id,
            batch_id=batch_id,
            expires_at=utcnow() + timedelta(seconds=retention_s),
        )
    )
    session.flush()


def forget_expired_submissions(session: Session) -> None:
    """Delete the idempotency keys whose time is over."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= utcnow()))
