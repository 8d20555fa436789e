"""Converts a request into a new job and an idempotency key."""

from collections.abc import Iterable
from uuid import UUID

from uuid_utils.compat import uuid7

from api.core.authentication import Caller
from api.jobs.options import JobOptions
from api.photos.inputs import SentPhoto
from db.core.blobs import make_photo_key
from db.jobs.idempotency import Repeatable
from db.jobs.lifecycle import NewJob
from emoscope.settings import Settings


def make_new_job(
    sent: SentPhoto,
    options: JobOptions,
    caller: Caller,
    settings: Settings,
    *,
    batch_id: UUID | None = None,
    batch_position: int | None = None,
) -> NewJob:
    """Build a new job of the caller from a photo and options."""
    job_id = uuid7()
    retention_s = options.photo_retention_s
    photo = sent.photo
    return NewJob(
        id=job_id,
        application_id=caller.application_id,
        photo_key=make_photo_key(job_id) if photo else None,
        photo_sha256=photo.sha256 if photo else "",
        photo_bytes=photo.byte_count if photo else 0,
        media_type=photo.header.media_type if photo else "",
        width=photo.header.width if photo else 0,
        height=photo.header.height if photo else 0,
        filename=sent.filename,
        source_url=sent.source_url,
        photo_retention_s=settings.photo_retention_s if retention_s is None else retention_s,
        max_attempts=settings.max_attempts,
        batch_id=batch_id,
        batch_position=batch_position,
        priority=options.priority,
        detector=options.detector,
        min_face_px=options.min_face_px,
        deadline_s=options.deadline_s,
        callback_url=options.callback_url,
        key_id=None if caller.is_user else caller.key_id,
    )


def make_repeatable(key: str | None, options: JobOptions, marks: Iterable[str]) -> Repeatable | None:
    """Return the `Idempotency-Key` with the fingerprint of the request. marks: identify the photos."""
    return Repeatable(key, options.make_fingerprint(marks)) if key else None
