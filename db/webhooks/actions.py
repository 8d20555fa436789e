"""Callbacks that are owed: taken by a worker with a lease of their own, so that two workers don't call twice at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from db.core.types import utcnow
from db.webhooks.tables import Callback


def list_due(session: Session, limit: int) -> Sequence[UUID]:
    """Jobs whose callback is due, longest overdue first."""
    return session.scalars(
        select(Callback.job_id)
        .where(Callback.done_at.is_(None), Callback.next_try_at <= utcnow())
        .order_by(Callback.next_try_at)
        .limit(limit)
    ).all()


def claim_callback(session: Session, job_id: UUID, lease_s: float) -> Callback | None:
    """Take a due callback for `lease_s` seconds, counting the try. Returns None if it isn't due or another took it."""
    now = utcnow()
    statement = (
        update(Callback)
        .where(Callback.job_id == job_id, Callback.done_at.is_(None), Callback.next_try_at <= now)
        .values(tries=Callback.tries + 1, next_try_at=now + timedelta(seconds=lease_s))
    )
    if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
        return None
    return session.scalar(select(Callback).where(Callback.job_id == job_id))


def record_delivered(session: Session, job_id: UUID, answer: str) -> None:
    """The receiver took it."""
    session.execute(update(Callback).where(Callback.job_id == job_id).values(done_at=utcnow(), last_answer=answer))


def record_refused(session: Session, job_id: UUID, answer: str, retry_in_s: float | None) -> None:
    """The receiver didn't take it. retry_in_s: seconds to the next try; None gives up."""
    now = utcnow()
    values = {"done_at": now} if retry_in_s is None else {"next_try_at": now + timedelta(seconds=retry_in_s)}
    session.execute(update(Callback).where(Callback.job_id == job_id).values(last_answer=answer, **values))
