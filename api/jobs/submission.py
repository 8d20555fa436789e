"""From an accepted photo to a queued job: photo stored, row committed, message sent, in this order.

A crash after the first step leaves a photo without a job, never a job without a photo; a crash after the second leaves a job
that the sweeper sends.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from api.core.authentication import Caller
from api.core.errors import Problem
from api.core.queue import QueueUnavailable
from api.core.services import Services
from api.jobs.options import JobOptions
from api.photos.uploads import Photo
from db.core.blobs import BlobStoreUnavailable, make_photo_key
from db.core.full_disk import is_disk_full
from db.core.vocabulary import Priority
from db.jobs import idempotency
from db.jobs import lifecycle as jobs
from db.jobs import queries as job_queries
from db.jobs.tables import IdempotencyKey

log = structlog.get_logger(__name__)

_QUEUE_FULL_RETRY_S = 10


@dataclass(frozen=True)
class Repeatable:
    """What makes a submission repeatable: the client's key, and the fingerprint of all that it asks for."""

    key: str
    fingerprint: str


def find_earlier(services: Services, caller: Caller, repeatable: Repeatable | None) -> IdempotencyKey | None:
    """The earlier submission with the same key, or None. Raises IdempotencyConflict if it asked for something else."""
    if repeatable is None:
        return None
    # a writing transaction, because a key whose time is over is deleted on the way
    with services.database.write() as session:
        return _find(session, caller, repeatable)


def require_room(services: Services, wanted: int = 1) -> None:
    """Raise Problem `queue_full` if `wanted` more jobs may not wait."""
    limit = services.settings.max_queued_jobs
    with services.database.read() as session:
        if job_queries.has_room(session, limit, wanted):
            return
    detail = f"at most {limit:,} jobs may wait, and {wanted:,} more would be too many; try again later"
    raise Problem("queue_full", detail, headers={"Retry-After": str(_QUEUE_FULL_RETRY_S)})


def store_photo(services: Services, caller: Caller, photo: Photo, data: bytes, options: JobOptions) -> jobs.NewJob:
    """Store the bytes, and make what a job is made from. Raises BlobStoreUnavailable."""
    settings = services.settings
    job_id = uuid7()
    photo_key = make_photo_key(job_id)
    services.blobs.put(photo_key, data)
    retention_s = options.photo_retention_s
    return jobs.NewJob(
        id=job_id,
        application_id=caller.application_id,
        photo_key=photo_key,
        photo_sha256=photo.sha256,
        photo_bytes=photo.byte_count,
        media_type=photo.header.media_type,
        width=photo.header.width,
        height=photo.header.height,
        filename=photo.filename,
        photo_retention_s=settings.photo_retention_s if retention_s is None else retention_s,
        max_attempts=settings.max_attempts,
        priority=options.priority,
        detector=options.detector,
        min_face_px=options.min_face_px,
        deadline_at=options.get_deadline(),
        callback_url=options.callback_url,
    )


def commit_once(
    services: Services,
    caller: Caller,
    repeatable: Repeatable | None,
    create: Callable[[Session], None],
    **made: UUID,
) -> IdempotencyKey | None:
    """Write what `create` writes, with the idempotency key, in one transaction; or find that another request was quicker.

    made: `job_id` or `batch_id` of what is created. Returns the quicker request's submission, or None if this one was
    written. Raises IdempotencyConflict as find_earlier does.
    """
    try:
        with services.database.write() as session:
            if repeatable is not None:
                earlier = _find(session, caller, repeatable)
                if earlier is not None:
                    return earlier
            create(session)
            if repeatable is not None:
                idempotency.remember_submission(
                    session,
                    caller.application_id,
                    repeatable.key,
                    repeatable.fingerprint,
                    retention_s=services.settings.idempotency_retention_s,
                    **made,
                )
    except IntegrityError:
        earlier = find_earlier(services, caller, repeatable)
        if earlier is None:
            raise
        return earlier
    return None


def discard_photos(services: Services, new_jobs: Sequence[jobs.NewJob]) -> None:
    """Delete stored photos that became no jobs."""
    for new in new_jobs:
        try:
            services.blobs.delete(new.photo_key)
        except BlobStoreUnavailable as error:
            log.warning("photo_left_behind", photo_key=new.photo_key, reason=str(error))


@contextmanager
def discarding_if_full(services: Services, new_jobs: Sequence[jobs.NewJob]) -> Iterator[None]:
    """Delete stored photos if the block, which writes their jobs, fails for lack of room: they would take the last of it.

    Such a transaction is certainly not committed. Of other errors that isn't known, and the sweeper looks for photos without a job.
    """
    try:
        yield
    except DBAPIError as error:
        if is_disk_full(error):
            discard_photos(services, new_jobs)
        raise


def send_jobs(services: Services, job_ids: Sequence[UUID], priority: Priority) -> None:
    """Tell the workers. A queue that is down costs a few seconds: the sweeper sends the jobs anew."""
    for job_id in job_ids:
        try:
            services.queue.send_job(job_id, priority)
        except QueueUnavailable as error:
            log.warning("job_not_sent", job_id=str(job_id), reason=str(error))
            return


def submit_photo(
    services: Services, caller: Caller, photo: Photo, data: bytes, options: JobOptions, key: str | None
) -> tuple[UUID, bool]:
    """Make a job of a photo, or find the one that the same request made before.

    key: the client's `Idempotency-Key`. Returns the job's id and whether it is new. Raises IdempotencyConflict, Problem
    `queue_full`, BlobStoreUnavailable.
    """
    repeatable = Repeatable(key, options.make_fingerprint([photo.sha256])) if key else None
    earlier = find_earlier(services, caller, repeatable)
    if earlier is None:
        require_room(services)
        new = store_photo(services, caller, photo, data, options)

        def create(session: Session) -> None:
            jobs.create_job(session, new, actor=caller.name)

        with discarding_if_full(services, [new]):
            earlier = commit_once(services, caller, repeatable, create, job_id=new.id)
        if earlier is None:
            send_jobs(services, [new.id], new.priority)
            return new.id, True
        discard_photos(services, [new])
    if earlier.job_id is None:
        raise idempotency.IdempotencyConflict("this Idempotency-Key was used before for a batch")
    return earlier.job_id, False


def _find(session: Session, caller: Caller, repeatable: Repeatable) -> IdempotencyKey | None:
    return idempotency.find_submission(session, caller.application_id, repeatable.key, repeatable.fingerprint)
