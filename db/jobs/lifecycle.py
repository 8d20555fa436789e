"""The lifecycle of a job: create, claim, finish, requeue, cancel. Every function runs inside the caller's transaction."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, CursorResult, bindparam, insert, or_, select, update
from sqlalchemy.orm import Session

from db.core.actors import Actor
from db.core.rows import get_table, list_empty, make_object, relate
from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES, Detector, JobStatus, Priority
from db.faces.actions import NewFace, add_faces
from db.jobs.batches import count_ended
from db.jobs.states import InvalidTransition, move_job, record_move
from db.jobs.tables import Job, PhotoFetch
from db.reviews.queue import add_to_queue
from db.webhooks.recording import record_job_end

_EMPTY_JOB = list_empty(Job) | {"revision": 0, "attempt": 0}
"""Columns of a new job."""

OUTAGE_ATTEMPTS = 100
"""Attempts of a job whose photo can't be read. Workers pause after each, so they span many minutes."""


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A new job: its submitter, the stored photo, and the options."""

    id: UUID
    application_id: UUID
    photo_key: str | None
    """None if the photo is still to be fetched from `source_url`; until then its other fields are empty or 0."""
    photo_sha256: str
    photo_bytes: int
    media_type: str
    width: int
    height: int
    photo_retention_s: float
    max_attempts: int
    filename: str | None = None
    source_url: str | None = None
    batch_id: UUID | None = None
    batch_position: int | None = None
    priority: Priority = Priority.INTERACTIVE
    detector: Detector | None = None
    min_face_px: int | None = None
    deadline_s: float | None = None
    """Seconds from the submission after which the job is canceled if no worker has started it."""
    callback_url: str | None = None
    key_id: UUID | None = None
    request_id: str | None = None
    """Request id of the submission, for log lines."""
    traceparent: str | None = None


@dataclass(frozen=True)
class Claim:
    """A worker's claim on a job: valid while the job is running in this attempt."""

    job_id: UUID
    attempt: int
    worker: str
    photo_retention_s: float | None = None
    """How long the photo is kept after the job has ended, if known."""


@dataclass(frozen=True)
class Outcome:
    """Result of an analysis. faces: largest first; may be empty. width, height: pixels of the upright photo."""

    width: int
    height: int
    faces: tuple[NewFace, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)


_now = bindparam("now", type_=Job.created_at.type)
_IS_CLAIMABLE = (
    or_(Job.deadline_at.is_(None), Job.deadline_at > _now, Job.attempt > 0),
    or_(Job.photo_key.is_not(None), Job.source_url.is_(None)),
)
_NEXT_ATTEMPT = (("attempt", Job.attempt + 1),)
_MORE_ATTEMPTS = (("max_attempts", Job.max_attempts + 1),)
# The attempt number is a fencing token: a worker that lost its job and returns late has an older number.
_IS_HELD = (Job.attempt == bindparam("held_attempt", type_=Job.attempt.type),)
_IS_EXPIRED = (Job.lease_expires_at <= _now,)
_IS_UNFETCHED = (Job.photo_key.is_(None),)
_IS_OVERDUE = (Job.deadline_at <= _now, Job.attempt == 0)
_INSERT_JOB = insert(get_table(Job))
_INSERT_FETCH = insert(get_table(PhotoFetch))


def create_job(source: Connection | Session, new: NewJob, actor: Actor, now: datetime | None = None) -> Job:
    """Store a queued job. Send its message after the commit.

    Returns the stored job, which belongs to no session. now: creation time, by default the current time.
    """
    now = now or utcnow()
    asked = vars(new).copy()
    deadline_s = asked.pop("deadline_s")
    deadline_at = None if deadline_s is None else now + timedelta(seconds=deadline_s)
    values = {
        **_EMPTY_JOB,
        **asked,
        "status": JobStatus.QUEUED,
        "created_at": now,
        "sent_at": now,
        "deadline_at": deadline_at,
    }
    source.execute(_INSERT_JOB, values)
    record_move(source, new.id, None, JobStatus.QUEUED, attempt=0, actor=actor, now=now)
    if new.photo_key is None:
        source.execute(_INSERT_FETCH, {"job_id": new.id, "tries": 0, "next_try_at": now})
    return make_object(Job, values, faces=[])


def claim_job(session: Session, job_id: UUID, worker: str, lease_s: float) -> tuple[Job, Claim]:
    """Claim a queued job, with a lease of `lease_s` seconds and a new attempt number.

    Raises InvalidTransition if it isn't queued, was deleted, its photo is still to be fetched, or its deadline passed before a
    first attempt: then there is nothing to do.
    """
    now = utcnow()
    job = move_job(
        session,
        job_id,
        JobStatus.QUEUED,
        JobStatus.RUNNING,
        actor=Actor.worker(worker),
        now=now,
        conditions=_IS_CLAIMABLE,
        values={"worker": worker, "started_at": now, "lease_expires_at": now + timedelta(seconds=lease_s)},
        changes=_NEXT_ATTEMPT,
        parameters={"now": now},
    )
    return job, Claim(job.id, job.attempt, worker, job.photo_retention_s)


def finish_job(session: Session, claim: Claim, outcome: Outcome) -> Job:
    """Store the faces and their review queue entries, and set the job to succeeded.

    Raises InvalidTransition if the claim is no longer valid.
    """
    job = _end(
        session,
        claim.job_id,
        JobStatus.RUNNING,
        JobStatus.SUCCEEDED,
        actor=Actor.worker(claim.worker),
        conditions=_IS_HELD,
        parameters={"held_attempt": claim.attempt},
        photo_retention_s=claim.photo_retention_s,
        width=outcome.width,
        height=outcome.height,
        face_count=len(outcome.faces),
        timings_ms=outcome.timings_ms,
    )
    faces = add_faces(session, job.id, outcome.faces)
    add_to_queue(session, job.photo_sha256, faces)
    return relate(job, faces=faces)


def fail_job(session: Session, claim: Claim, code: str, detail: str) -> Job:
    """Fail the job for a reason that a retry wouldn't fix. Raises InvalidTransition as finish_job does."""
    return _end(
        session,
        claim.job_id,
        JobStatus.RUNNING,
        JobStatus.FAILED,
        actor=Actor.worker(claim.worker),
        detail=detail,
        conditions=_IS_HELD,
        parameters={"held_attempt": claim.attempt},
        photo_retention_s=claim.photo_retention_s,
        error_code=code,
        error_detail=detail,
    )


def fail_unfetched_job(session: Session, job_id: UUID, actor: Actor, code: str, detail: str) -> Job:
    """Fail a queued job whose photo can't be fetched. Raises InvalidTransition if it was canceled or erased in the meantime."""
    return _end(
        session,
        job_id,
        JobStatus.QUEUED,
        JobStatus.FAILED,
        actor=actor,
        detail=detail,
        conditions=_IS_UNFETCHED,
        error_code=code,
        error_detail=detail,
    )


def renew_lease(session: Session, claim: Claim, lease_s: float) -> bool:
    """Extend the lease to `lease_s` seconds from now. Returns whether the claim is still valid."""
    statement = (
        update(Job)
        .where(Job.id == claim.job_id, Job.status == JobStatus.RUNNING, Job.attempt == claim.attempt)
        .values(lease_expires_at=utcnow() + timedelta(seconds=lease_s))
    )
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def give_back_job(
    session: Session, claim: Claim, actor: Actor, detail: str, code: str, *, is_outage: bool = False
) -> Job:
    """Requeue the job, or fail it with `code` after its last attempt.

    detail: what went wrong. The sweeper sends the job's message again later, so that the cause can pass.
    is_outage: the job isn't at fault, so this doesn't use up one of its attempts, which are for photos that crash workers.
    After `OUTAGE_ATTEMPTS` in all it fails anyway.
    Raises InvalidTransition as finish_job does.
    """
    return _give_back(session, claim, actor, detail, code, is_outage=is_outage)


def take_back_job(session: Session, claim: Claim, actor: Actor) -> Job:
    """Requeue a job whose lease expired, or fail it with `worker_lost` after its last attempt.

    Raises InvalidTransition if the lease was renewed or the job's state changed.
    """
    return _give_back(session, claim, actor, f"the lease of {claim.worker} expired", "worker_lost", _IS_EXPIRED)


def cancel_job(session: Session, job_id: UUID, actor: Actor, detail: str | None = None) -> Job:
    """Cancel a job that has no result yet. A worker that holds it will find its claim invalid.

    Raises InvalidTransition if the job has ended or doesn't exist.
    """
    status = session.scalar(select(Job.status).where(Job.id == job_id).with_for_update())
    if status is None or status in TERMINAL_STATUSES:
        raise InvalidTransition(job_id, JobStatus.CANCELED)
    return _end(session, job_id, status, JobStatus.CANCELED, actor=actor, detail=detail)


def cancel_overdue_job(session: Session, job_id: UUID, actor: Actor) -> Job:
    """Cancel a queued job whose deadline has passed. Raises InvalidTransition if a worker has started it."""
    reason = "no worker was free before the deadline"
    return _end(
        session,
        job_id,
        JobStatus.QUEUED,
        JobStatus.CANCELED,
        actor=actor,
        detail=reason,
        conditions=_IS_OVERDUE,
        parameters={"now": utcnow()},
        error_code="deadline_passed",
        error_detail=reason,
    )


def _give_back(
    session: Session,
    claim: Claim,
    actor: Actor,
    detail: str,
    code: str,
    conditions: tuple[ColumnElement[bool], ...] = (),
    *,
    is_outage: bool = False,
) -> Job:
    parameters = {"held_attempt": claim.attempt} | ({"now": utcnow()} if conditions is _IS_EXPIRED else {})
    limit = session.scalar(select(Job.max_attempts).where(Job.id == claim.job_id))
    if limit is not None and claim.attempt >= (max(limit, OUTAGE_ATTEMPTS) if is_outage else limit):
        reason = f"gave up after {claim.attempt} attempts: {detail}"
        return _end(
            session,
            claim.job_id,
            JobStatus.RUNNING,
            JobStatus.FAILED,
            actor=actor,
            detail=reason,
            conditions=(*_IS_HELD, *conditions),
            parameters=parameters,
            photo_retention_s=claim.photo_retention_s,
            error_code=code,
            error_detail=reason,
        )
    return move_job(
        session,
        claim.job_id,
        JobStatus.RUNNING,
        JobStatus.QUEUED,
        actor=actor,
        now=utcnow(),
        detail=detail,
        conditions=(*_IS_HELD, *conditions),
        parameters=parameters,
        values={"worker": None, "lease_expires_at": None, "started_at": None, "sent_at": utcnow()},
        changes=_MORE_ATTEMPTS if is_outage else (),
    )


def _end(
    session: Session,
    job_id: UUID,
    from_status: JobStatus,
    to: JobStatus,
    *,
    actor: Actor,
    detail: str | None = None,
    conditions: tuple[ColumnElement[bool], ...] = (),
    parameters: dict[str, Any] | None = None,
    photo_retention_s: float | None = None,
    **values: Any,
) -> Job:
    """End a job: release the lease, start the photo's retention time, record webhook events.

    photo_retention_s: the job's own value, which never changes; read from the database if the caller doesn't know it.
    """
    now = utcnow()
    if photo_retention_s is None:
        photo_retention_s = session.scalar(select(Job.photo_retention_s).where(Job.id == job_id)) or 0
    values |= {
        "finished_at": now,
        "lease_expires_at": None,
        "purge_photo_at": now + timedelta(seconds=photo_retention_s),
    }
    job = move_job(
        session,
        job_id,
        from_status,
        to,
        actor=actor,
        now=now,
        detail=detail,
        conditions=conditions,
        values=values,
        parameters=parameters,
    )
    if job.batch_id is not None:
        count_ended(session, job.batch_id, **{to.value: 1})
    record_job_end(session, job)
    return job
