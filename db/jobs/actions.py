"""Actions on existing jobs: cancel, retry, erase. Called by routes, pages, commands and the sweeper.

Each is one use case with its rules, its transaction and its audit entry.
"""

from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor, ActorKind
from db.core.blobs import BlobMissing, make_photo_key
from db.core.errors import DomainError
from db.core.types import utcnow
from db.jobs import erasure, lifecycle
from db.jobs.lifecycle import NewJob
from db.jobs.services import JobServices
from db.jobs.submission import submit_job
from db.jobs.tables import Job


class PhotoGone(DomainError):
    """The job's photo was deleted, so it can't be analysed again."""

    code = "photo_gone"
    status = HTTPStatus.GONE
    title = "Photo gone"
    meaning = (
        "The photo was deleted because its retention time is over. Crops and results stay until the job is erased."
    )


def cancel_job(services: JobServices, job: Job, *, actor: Actor, is_owner: bool) -> None:
    """Cancel a job. is_owner: whether the actor is the application that submitted it. Raises InvalidTransition if it has ended."""
    with services.database.write() as session:
        lifecycle.cancel_job(session, job.id, actor=actor, detail=f"canceled by {actor.name}")
        _record(session, job, actor, is_owner, "job.cancel")
    services.announce(job.id)


def retry_job(services: JobServices, job: Job, *, actor: Actor, is_owner: bool) -> UUID:
    """Submit a job's photo again, with the same options except deadline and callback. Returns the new job's id.

    is_owner: as for cancel_job. Raises PhotoGone, QueueFull, BlobStoreUnavailable, BlobDamaged.
    """
    if job.photo_key is None or not is_photo_kept(job):
        raise PhotoGone("the photo was deleted, because its retention time is over")
    try:
        data = services.blobs.get(job.photo_key, job.photo_sha256)
    except BlobMissing as error:
        raise PhotoGone("the photo was deleted meanwhile") from error
    job_id = uuid7()
    submit_job(services, make_retry(services, job, job_id), data, actor=actor)
    with services.database.write() as session:
        _record(session, job, actor, is_owner, "job.retry", new_job=str(job_id))
    return job_id


def make_retry(
    services: JobServices, job: Job, job_id: UUID, *, batch_id: UUID | None = None, batch_position: int | None = None
) -> NewJob:
    """Build the new job of a retry: the same options except deadline and callback."""
    return NewJob(
        id=job_id,
        application_id=job.application_id,
        batch_id=batch_id,
        batch_position=batch_position,
        photo_key=None if job.photo_key is None else make_photo_key(job_id),
        source_url=job.source_url,
        photo_sha256=job.photo_sha256,
        photo_bytes=job.photo_bytes,
        media_type=job.media_type,
        width=job.width,
        height=job.height,
        filename=job.filename,
        photo_retention_s=min(job.photo_retention_s, services.photo_retention_s),
        max_attempts=services.max_attempts,
        priority=job.priority,
        detector=job.detector,
        min_face_px=job.min_face_px,
    )


def erase_job(services: JobServices, job: Job, *, actor: Actor) -> None:
    """Erase a job with everything that belongs to it, in any state. If it fails, repeat it.

    The photo is deleted first: if that fails, the job still exists. Raises BlobStoreUnavailable.
    """
    if job.photo_key is not None:
        services.blobs.delete(job.photo_key)
    with services.database.write() as session:
        if erasure.erase_job(session, job.id):
            record_audit_event(session, actor, "job.erase", f"job:{job.id}")
    services.announce(job.id)


def is_photo_kept(job: Job) -> bool:
    """Return whether the photo may be shown. Its retention time may end some seconds before the sweeper deletes it."""
    return job.photo_key is not None and (job.purge_photo_at is None or job.purge_photo_at > utcnow())


def _record(session: Session, job: Job, actor: Actor, is_owner: bool, action: str, **details: str) -> None:  # noqa: FBT001
    """Add an audit entry, except for applications acting on their own jobs: that is their normal operation and is recorded in the
    job's events.
    """
    if actor.kind is not ActorKind.APPLICATION or not is_owner:
        record_audit_event(session, actor, action, f"job:{job.id}", **details)
