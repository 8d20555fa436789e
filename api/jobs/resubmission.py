"""A job's photo, submitted again as a new job of the same application."""

from uuid import UUID

from api.core.authentication import Caller
from api.core.errors import Problem
from api.core.services import Services
from api.jobs.options import JobOptions
from api.jobs.schemas import is_photo_kept
from api.jobs.submission import submit_photo
from api.photos.uploads import check_photo
from db import tables
from db.core.blobs import BlobMissing


def resubmit_photo(services: Services, job: tables.Job, actor: str) -> UUID:
    """Make a new job of a job's photo, with the same options but the deadline and the callback.

    actor: who asks, for the job's history. Returns the new job's id. Raises Problem `photo_gone` or `queue_full`,
    BlobStoreUnavailable, BlobDamaged.
    """
    if job.photo_key is None or not is_photo_kept(job):
        raise Problem("photo_gone", "the photo was deleted, because its retention time is over")
    try:
        data = services.blobs.get(job.photo_key, job.photo_sha256)
    except BlobMissing as error:
        raise Problem("photo_gone", "the photo was deleted meanwhile") from error
    photo = check_photo(data, job.filename, services.settings)
    options = JobOptions(
        detector=job.detector,
        min_face_px=job.min_face_px,
        priority=job.priority,
        photo_retention_s=min(job.photo_retention_s, services.settings.photo_retention_s),
    )
    caller = Caller(job.application_id, actor, job.application_id)
    new_id, _ = submit_photo(services, caller, photo, data, options, None)
    return new_id
