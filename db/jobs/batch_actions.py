"""Actions on existing batches: close, cancel, retry, erase. The sweeper continues what one call can't finish."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from time import monotonic
from uuid import UUID

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor, ActorKind
from db.core.blobs import BlobDamaged, BlobMissing, BlobStore
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs import lifecycle
from db.jobs.actions import is_photo_kept, make_retry
from db.jobs.batches import count_ended, finish_batch, lock_active_jobs
from db.jobs.erasure import erase_jobs
from db.jobs.services import JobServices
from db.jobs.submission import QueueFull
from db.jobs.tables import Batch, Job

CALL_S = 5.0
"""Maximum seconds that a call works on a batch."""
_JOBS_A_TRANSACTION = 100


@dataclass(frozen=True)
class Retried:
    """Result of a retry.

    submitted: failed photos that were submitted again.
    gone: photos that were deleted.
    left: photos for which the call had no time or the queue no room. Photos that another call submitted meanwhile are in none
    of them.
    """

    submitted: int
    gone: int
    left: int


def close_batch(services: JobServices, batch_id: UUID) -> None:
    """Close a batch to further photos. If all its jobs have ended, it is finished. Does nothing to a closed batch."""
    with services.database.write() as session:
        session.execute(update(Batch).where(Batch.id == batch_id, Batch.closed_at.is_(None)).values(closed_at=utcnow()))
    settle_batch(services.database, services.announce, batch_id)


def settle_batch(database: Database, announce: Callable[[UUID], None], batch_id: UUID) -> None:
    """Finish a batch if its jobs have ended, and wake the requests that wait for it."""
    if finish_batch(database, batch_id):
        announce(batch_id)


def cancel_batch(services: JobServices, batch: Batch, *, actor: Actor, is_owner: bool, most_s: float = CALL_S) -> None:
    """Close a batch and cancel its active jobs for up to `most_s` seconds; the sweeper cancels the others."""
    now = utcnow()
    with services.database.write() as session:
        session.execute(
            update(Batch).where(Batch.id == batch.id).values(canceled_at=now, closed_at=batch.closed_at or now)
        )
        _record(session, batch, actor, is_owner, "batch.cancel")
    cancel_rest(services.database, services.announce, batch.id, now, actor=actor, most_s=most_s)
    settle_batch(services.database, services.announce, batch.id)


def cancel_rest(
    database: Database,
    announce: Callable[[UUID], None],
    batch_id: UUID,
    canceled_at: datetime,
    *,
    actor: Actor,
    most_s: float,
) -> None:
    """Cancel a batch's active jobs for at most `most_s` seconds. Jobs retried after `canceled_at` aren't canceled."""
    end = monotonic() + most_s
    while monotonic() < end:
        with database.write() as session:
            active = lock_active_jobs(session, batch_id, canceled_at, _JOBS_A_TRANSACTION)
            for job_id in active:
                lifecycle.cancel_job(session, job_id, actor=actor, detail=f"its batch was canceled by {actor.name}")
        for job_id in active:
            announce(job_id)
        if not active:
            return


def erase_batch(services: JobServices, batch: Batch, *, actor: Actor, is_owner: bool, most_s: float = CALL_S) -> bool:
    """Erase a batch with its jobs, photos and results. Returns whether it is complete; if not, the sweeper erases the rest.

    The batch is hidden from now on. Raises BlobStoreUnavailable; the sweeper continues then too.
    """
    now = utcnow()
    with services.database.write() as session:
        session.execute(
            update(Batch).where(Batch.id == batch.id).values(erased_at=now, closed_at=batch.closed_at or now)
        )
        _record(session, batch, actor, is_owner, "batch.erase")
    return erase_rest(services.database, services.blobs, batch.id, most_s=most_s)


def erase_rest(database: Database, blobs: BlobStore, batch_id: UUID, *, most_s: float) -> bool:
    """Erase the rest of a batch for at most `most_s` seconds. Returns whether it is complete. Raises BlobStoreUnavailable."""
    end = monotonic() + most_s
    while monotonic() < end:
        with database.read() as session:
            statement = select(Job.id, Job.photo_key).where(Job.batch_id == batch_id).limit(_JOBS_A_TRANSACTION)
            found = session.execute(statement).all()
        if not found:
            with database.write() as session:
                session.execute(delete(Batch).where(Batch.id == batch_id))
            return True
        blobs.delete_many([key for _, key in found if key is not None])
        with database.write() as session:
            erase_jobs(session, [job_id for job_id, _ in found])
    return False


def retry_batch(
    services: JobServices, batch: Batch, *, actor: Actor, is_owner: bool, most_s: float = CALL_S
) -> Retried:
    """Submit the failed photos of a batch again, at their positions. The failed jobs leave the batch, but are kept.

    Works for up to `most_s` seconds; call it again while photos are left.
    Raises QueueFull if there is room for none, BlobStoreUnavailable.
    """
    with services.database.read() as session:
        failed = session.scalars(_select_failed(batch.id)).all()
    end, submitted, gone, left = monotonic() + most_s, 0, 0, len(failed)
    try:
        for job in failed:
            if monotonic() >= end:
                break
            outcome = _retry_job(services, batch.id, job, actor)
            left -= 1
            submitted += outcome is _Outcome.SUBMITTED
            gone += outcome is _Outcome.GONE
    except QueueFull:
        if not submitted:
            raise
    finally:
        if submitted:
            with services.database.write() as session:
                _record(session, batch, actor, is_owner, "batch.retry", photos=str(submitted))
    return Retried(submitted, gone, left)


def _select_failed(batch_id: UUID) -> Select[Job]:
    return select(Job).where(Job.batch_id == batch_id, Job.status == JobStatus.FAILED).order_by(Job.batch_position)


class _Outcome(StrEnum):
    """Result of one photo's retry."""

    SUBMITTED = "submitted"
    GONE = "gone"
    """Its photo was deleted."""
    TAKEN = "taken"
    """Another call retried it first, or the job was erased."""


def _retry_job(services: JobServices, batch_id: UUID, job: Job, actor: Actor) -> _Outcome:
    """Replace a failed job with a new one. Raises QueueFull, BlobStoreUnavailable."""
    data = _read_photo(services, job)
    if data is None:
        return _Outcome.GONE
    if not services.room.take(services.database, 1):
        raise QueueFull("the queue is full; try again later")
    new = make_retry(services, job, uuid7(), batch_id=batch_id, batch_position=job.batch_position)
    if new.photo_key is not None:
        services.blobs.put(new.photo_key, data)
    with services.database.write() as session:
        moved = (
            update(Job)
            .where(Job.id == job.id, Job.batch_id == batch_id, Job.status == JobStatus.FAILED)
            .values(batch_id=None, batch_position=None)
            .returning(Job.id)
        )
        is_mine = session.scalar(moved) is not None  # otherwise another call retried it first
        if is_mine:
            session.execute(update(Batch).where(Batch.id == batch_id).values(finished_at=None))
            count_ended(session, batch_id, failed=-1)
            lifecycle.create_job(session, new, actor=actor)
    if not is_mine:
        if new.photo_key is not None:
            services.blobs.delete(new.photo_key)
        return _Outcome.TAKEN
    if new.photo_key is None:
        services.ask_for_fetches(1)
    else:
        services.send(new.id, new.priority)
    return _Outcome.SUBMITTED


def _read_photo(services: JobServices, job: Job) -> bytes | None:
    """Return the photo's bytes, empty if it is still to be fetched; None if it was deleted or its retention time is over."""
    if job.photo_key is None:
        was_fetched = bool(job.photo_sha256)
        return b"" if job.source_url and not was_fetched else None
    if not is_photo_kept(job):
        return None
    try:
        return services.blobs.get(job.photo_key, job.photo_sha256)
    except (BlobMissing, BlobDamaged):
        return None


def _record(session: Session, batch: Batch, actor: Actor, is_owner: bool, action: str, **details: str) -> None:  # noqa: FBT001
    """Add an audit entry, except for applications acting on their own batches: that is their normal operation."""
    if actor.kind is not ActorKind.APPLICATION or not is_owner:
        record_audit_event(session, actor, action, f"batch:{batch.id}", **details)
