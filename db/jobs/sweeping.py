"""Queries of the sweeper on jobs. They read by an index, at most `limit` rows if they take a limit."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, or_, select, update
from sqlalchemy.orm import Session

from db.core.rows import get_table
from db.core.types import utcnow
from db.core.vocabulary import JobStatus, Priority
from db.jobs.lifecycle import Claim
from db.jobs.tables import Job

_JOBS = get_table(Job)
_COUNT_QUEUED = select(func.count()).select_from(_JOBS).where(_JOBS.c.status == JobStatus.QUEUED)


def list_expired_claims(session: Session, limit: int) -> list[Claim]:
    """List claims whose lease has expired."""
    rows = session.execute(
        select(Job.id, Job.attempt, Job.worker, Job.photo_retention_s)
        .where(Job.status == JobStatus.RUNNING, Job.lease_expires_at <= utcnow())
        .order_by(Job.lease_expires_at)
        .limit(limit)
    )
    return [Claim(job_id, attempt, worker or "", kept_s) for job_id, attempt, worker, kept_s in rows]


def list_overdue(session: Session, limit: int) -> Sequence[UUID]:
    """List queued jobs whose deadline passed before any worker started them."""
    return session.scalars(
        select(Job.id)
        .where(Job.status == JobStatus.QUEUED, Job.deadline_at <= utcnow(), Job.attempt == 0)
        .order_by(Job.deadline_at)
        .limit(limit)
    ).all()


def list_waiting(connection: Connection, sent_before_s: float) -> list[tuple[UUID, Priority]]:
    """List all queued jobs whose message was sent more than `sent_before_s` seconds ago, oldest first.

    Not limited: most of them are still in the queue, and a job whose message was lost must not wait behind those. The setting
    `max_queued_jobs` bounds them.
    """
    rows = connection.execute(
        select(_JOBS.c.id, _JOBS.c.priority).where(*_waits_since(sent_before_s)).order_by(_JOBS.c.id)
    )
    return [(job_id, priority) for job_id, priority in rows]


def count_queued(connection: Connection) -> int:
    """How many jobs are queued, for whatever they wait."""
    return int(connection.scalar(_COUNT_QUEUED) or 0)


def count_waiting(connection: Connection, sent_before_s: float) -> int:
    """Return the number of jobs that `list_waiting` would return."""
    return int(connection.scalar(select(func.count()).select_from(_JOBS).where(*_waits_since(sent_before_s))) or 0)


def _waits_since(sent_before_s: float) -> tuple[ColumnElement[bool], ...]:
    has_photo = or_(_JOBS.c.photo_key.is_not(None), _JOBS.c.source_url.is_(None))
    sent_before = utcnow() - timedelta(seconds=sent_before_s)
    return _JOBS.c.status == JobStatus.QUEUED, _JOBS.c.sent_at < sent_before, has_photo


def record_sent(session: Session, job_ids: Sequence[UUID]) -> None:
    """Record that the jobs' messages were sent now."""
    session.execute(update(Job).where(Job.id.in_(job_ids)).values(sent_at=utcnow()))


def expire_lease(session: Session, job_id: UUID, is_dead: Callable[[str], bool]) -> bool:
    """Expire the lease of a running job now, if `is_dead` returns true for its worker's name. Returns whether it did."""
    is_held = (Job.id == job_id) & (Job.status == JobStatus.RUNNING)
    worker = session.scalar(select(Job.worker).where(is_held).with_for_update())
    if worker is None or not is_dead(worker):
        return False
    session.execute(update(Job).where(is_held).values(lease_expires_at=utcnow()))
    return True
