"""Submission of batches: photos are checked one by one, and refused ones keep their positions."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from uuid_utils.compat import uuid7
from werkzeug.datastructures import FileStorage

from api.core.authentication import DAILY_QUOTA, Caller
from api.core.errors import Problem
from api.core.services import Services
from api.jobs.batch_schemas import (
    BatchBody,
    BatchFields,
    BatchOptions,
)
from api.jobs.options import JobOptions, read_options
from api.jobs.submission import make_new_job, make_repeatable
from api.photos.inputs import PhotoInput, SentPhoto, is_json, read_input, read_json_body
from api.photos.uploads import clean_filename, list_uploads, read_upload
from db.jobs.batches import RefusedPhoto
from db.jobs.submission import NewBatch, Submitted, require_detector, submit_batch


def list_sent_photos(
    services: Services, body: BatchFields | None, *, may_be_none: bool = False
) -> Sequence[FileStorage | PhotoInput]:
    """Return the photos of this request, not yet checked.

    Call it before the form's fields are read: it sets the limits of the form.
    """
    if body is None:
        return list_uploads(services.settings)
    if not body.photos and not may_be_none:
        raise Problem("photo_missing", "`photos` lists no photo")
    if len(body.photos) > services.settings.max_batch_photos:
        detail = f"{len(body.photos)} photos; a call may have at most {services.settings.max_batch_photos}"
        raise Problem("too_many_photos", detail)
    return body.photos


def submit_new_batch(services: Services, caller: Caller, query: BatchOptions, key: str | None) -> Submitted:
    """Create a batch from the photos of this request. key: its Idempotency-Key. Raises Problem, and what submit_batch raises."""
    body = read_json_body(BatchBody) if is_json() else None
    if body is not None and "open" in body.model_fields_set:
        query = BatchOptions(**{**query.model_dump(exclude_unset=True), "open": body.open})
    sent = list_sent_photos(services, body, may_be_none=query.open)
    options = read_options(query, services.settings, body)
    if options.detector is not None:  # checked first, also for a batch without photos
        require_detector(services.jobs, options.detector)
    return submit_photos(
        services, caller, NewBatch(uuid7(), caller.application_id, [], is_open=options.open), sent, options, key
    )


def submit_photos(
    services: Services,
    caller: Caller,
    new: NewBatch,
    sent_photos: Sequence[FileStorage | PhotoInput],
    options: JobOptions,
    key: str | None,
) -> Submitted:
    """Create a batch with these photos or add them to it, or return the one that the same request created before."""
    accepted, refused = _check(sent_photos, services)
    marks = [sent.mark for _, sent in accepted] + [f"{photo.position}:{photo.code}" for photo in refused]
    if new.is_there:
        marks.append(f"batch:{new.id}")
    photos = [
        (
            make_new_job(sent, options, caller, services.settings, batch_id=new.id, batch_position=position),
            sent.read,
        )
        for position, sent in accepted
    ]
    return submit_batch(
        services.jobs,
        replace(new, refused=refused),
        photos,
        actor=caller.actor,
        repeatable=make_repeatable(key, options, marks),
        quota=DAILY_QUOTA,
    )


def _check(
    sent_photos: Sequence[FileStorage | PhotoInput], services: Services
) -> tuple[list[tuple[int, SentPhoto]], list[RefusedPhoto]]:
    """Check each photo once, holding one in memory at a time.

    Returns accepted photos with their positions, and refusals as they are stored.
    """
    accepted: list[tuple[int, SentPhoto]] = []
    refused: list[RefusedPhoto] = []
    for position, given in enumerate(sent_photos):
        try:
            accepted.append((position, _look_at(given, services)))
        except Problem as problem:
            name = given.filename or (given.image_url if isinstance(given, PhotoInput) else None)
            refused.append(_describe_refusal(position, name, problem))
    return accepted, refused


def _look_at(given: FileStorage | PhotoInput, services: Services) -> SentPhoto:
    if isinstance(given, PhotoInput):
        return read_input(given, services.settings)
    photo = read_upload(given, services.settings)[0]
    return SentPhoto(photo, partial(_read_again, given, services), photo.filename)


def _describe_refusal(position: int, filename: str | None, problem: Problem) -> RefusedPhoto:
    return RefusedPhoto(position, clean_filename(filename), problem.kind.code, problem.detail)


def _read_again(upload: FileStorage, services: Services) -> bytes:
    return read_upload(upload, services.settings)[1]
