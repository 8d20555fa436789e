"""Photos to be fetched by URL: which are due, who fetches one, and the result. See `docs/decisions/0307`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from db.core.actors import Actor
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs.lifecycle import fail_unfetched_job
from db.jobs.states import InvalidTransition
from db.jobs.tables import Job, PhotoFetch


@dataclass(frozen=True, kw_only=True)
class FetchedPhoto:
    """A fetched photo in the blob store. width, height: pixels of the upright photo, from its header."""

    photo_key: str
    photo_sha256: str
    photo_bytes: int
    media_type: str
    width: int
    height: int


def list_due_fetches(session: Session, limit: int) -> Sequence[tuple[UUID, str]]:
    """List jobs whose photo is due to be fetched, with its URL, longest overdue first."""
    rows = session.execute(
        select(PhotoFetch.job_id, Job.source_url)
        .join(Job, Job.id == PhotoFetch.job_id)
        .where(PhotoFetch.next_try_at <= utcnow())
        .order_by(PhotoFetch.next_try_at)
        .limit(limit)
    )
    return [(job_id, url or "") for job_id, url in rows]


def claim_fetch(session: Session, job_id: UUID, lease_s: float) -> int | None:
    """Claim a due fetch for `lease_s` seconds. Returns the number of the try, from 1;

    None if it isn't due or another worker claimed it.
    A fetch whose job has ended is deleted.
    """
    now = utcnow()
    statement = (
        update(PhotoFetch)
        .where(PhotoFetch.job_id == job_id, PhotoFetch.next_try_at <= now)
        .values(tries=PhotoFetch.tries + 1, next_try_at=now + timedelta(seconds=lease_s))
        .returning(PhotoFetch.tries)
    )
    tries = session.scalar(statement)
    if tries is not None and session.scalar(select(Job.status).where(Job.id == job_id)) is not JobStatus.QUEUED:
        forget_fetch(session, job_id)
        return None
    return tries


def record_fetched(session: Session, job_id: UUID, photo: FetchedPhoto) -> Job:
    """Store a job's fetched photo. Send its message after the commit.

    Raises InvalidTransition if the job no longer waits for a photo.
    """
    forget_fetch(session, job_id)
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.QUEUED, Job.photo_key.is_(None))
        .values(**vars(photo), sent_at=utcnow(), revision=Job.revision + 1)
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
        raise InvalidTransition(job_id, JobStatus.RUNNING)
    return session.get_one(Job, job_id, populate_existing=True)


def record_fetch_failed(session: Session, job_id: UUID, actor: Actor, code: str, detail: str) -> Job:
    """Fail a job whose photo can't be fetched. Raises InvalidTransition if it was canceled or erased in the meantime."""
    forget_fetch(session, job_id)
    return fail_unfetched_job(session, job_id, actor, code, detail)


def defer_fetch(session: Session, job_id: UUID, pause_s: float) -> None:
    """Retry the fetch in `pause_s` seconds."""
    later = utcnow() + timedelta(seconds=pause_s)
    session.execute(update(PhotoFetch).where(PhotoFetch.job_id == job_id).values(next_try_at=later))


def forget_fetch(session: Session, job_id: UUID) -> None:
    """Delete the fetch."""
    session.execute(delete(PhotoFetch).where(PhotoFetch.job_id == job_id))
