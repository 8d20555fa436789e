"""Batches: many photos in one call, each accepted or refused by itself."""

from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, jsonify, url_for
from uuid_utils.compat import uuid7
from werkzeug.datastructures import FileStorage

from api.core.authentication import READS_JOBS, Caller, get_caller, needs_scope, protect
from api.core.errors import Problem
from api.core.openapi import describe_batch_body, describe_errors
from api.core.server.parking import is_resumed
from api.core.services import Services, get_services
from api.jobs.batch_schemas import Batch, batch_to_schema
from api.jobs.options import JobOptions, SubmitHeaders, read_options
from api.jobs.reading import WaitQuery, has_ended
from api.jobs.routes import POLL_AFTER_S
from api.jobs.submission import make_new_job, make_repeatable
from api.photos.uploads import Photo, clean_filename, list_uploads, read_upload
from db import tables
from db.core.vocabulary import Scope
from db.jobs import queries as job_queries
from db.jobs.submission import NewBatch, Submitted, submit_batch

blueprint = APIBlueprint("batches", __name__, url_prefix="/v1/batches", tag="Batches")
protect(blueprint, *READS_JOBS, users_may_read=True)


@blueprint.post("")
@needs_scope(Scope.SUBMIT)
@blueprint.input(JobOptions, location="query", arg_name="query")
@blueprint.input(SubmitHeaders, location="headers", arg_name="headers")
@blueprint.output(Batch, status_code=HTTPStatus.ACCEPTED, description="The batch, with the state of each photo.")
@blueprint.doc(
    summary="Submit many photos",
    description="One `image` file field for each photo. A photo that can't be accepted is listed as refused, with the reason, "
    "and the others go on. The options hold for all of them.",
    responses=describe_errors(
        "photo_missing",
        "photo_too_large",
        "too_many_photos",
        "invalid_request",
        "idempotency_conflict",
        "detector_unavailable",
        "queue_full",
        "blob_store_unavailable",
    ),
    extensions=describe_batch_body(JobOptions),
)
def create_batch(query: JobOptions, headers: SubmitHeaders) -> Response:
    """Make a job of each photo in this request."""
    services, caller = get_services(), get_caller()
    uploads = list_uploads(services.settings)
    options = read_options(query, services.settings)
    submitted = _submit(services, caller, uploads, options, headers.idempotency_key)
    response = _show(*_read(services, caller, submitted.id))
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = url_for(".read_batch", batch_id=submitted.id)
    response.headers["Retry-After"] = str(POLL_AFTER_S)
    if not submitted.is_new:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@blueprint.get("/<uuid:batch_id>")
@blueprint.input(WaitQuery, location="query", arg_name="query")
@blueprint.output(Batch, description="The batch as it is.")
@blueprint.doc(
    summary="Read a batch",
    description="With `wait` the request is held until every job of the batch has ended.",
    responses=describe_errors("not_found", "invalid_request"),
)
def read_batch(batch_id: UUID, query: WaitQuery) -> Response:
    """Read one batch, or wait for its end."""
    services, caller = get_services(), get_caller()
    if is_resumed():  # it has read the batch and listens to its jobs
        _wait_for_end(services, batch_id, [], query.wait)
        batch, found = _read(services, caller, batch_id)
    else:
        batch, found = _read(services, caller, batch_id)
        if query.wait and not all(map(has_ended, found)):
            _wait_for_end(services, batch_id, found, query.wait)
            batch, found = _read(services, caller, batch_id)
    response = _show(batch, found)
    if not all(map(has_ended, found)):
        response.headers["Retry-After"] = str(POLL_AFTER_S)
    return response


def _submit(
    services: Services, caller: Caller, uploads: list[FileStorage], options: JobOptions, key: str | None
) -> Submitted:
    """Make a batch of the photos, or find the one that the same request made before."""
    accepted, refused = _check(uploads, services)
    marks = [photo.sha256 for _, photo in accepted] + [f"{photo['position']}:{photo['code']}" for photo in refused]
    batch = NewBatch(uuid7(), caller.application_id, refused)
    photos = [
        (
            make_new_job(photo, options, caller, services.settings, batch_id=batch.id, batch_position=position),
            partial(_read_again, uploads[position], services),
        )
        for position, photo in accepted
    ]
    return submit_batch(
        services.jobs, batch, photos, actor=caller.actor, repeatable=make_repeatable(key, options, marks)
    )


def _read_again(upload: FileStorage, services: Services) -> bytes:
    return read_upload(upload, services.settings)[1]


def _check(uploads: list[FileStorage], services: Services) -> tuple[list[tuple[int, Photo]], list[dict[str, Any]]]:
    """Look at each photo once, holding one at a time: accepted ones with their positions, and refusals as they are stored."""
    accepted: list[tuple[int, Photo]] = []
    refused: list[dict[str, Any]] = []
    for position, upload in enumerate(uploads):
        try:
            accepted.append((position, read_upload(upload, services.settings)[0]))
        except Problem as problem:
            filename = clean_filename(upload.filename)
            refused.append(
                {"position": position, "filename": filename, "code": problem.kind.code, "detail": problem.detail}
            )
    return accepted, refused


def _wait_for_end(services: Services, batch_id: UUID, found: list[tables.Job], wait_s: float) -> None:
    """Return when every job of the batch has ended, or after `wait_s` seconds (at most settings.max_wait_s).

    Each change of one of its jobs wakes the wait, two a photo at the least, so little is asked each time.
    """
    with services.waiter.listen([job.id for job in found]) as changes:
        deadline = changes.keep_deadline(monotonic() + min(wait_s, services.settings.max_wait_s))
        while not changes.is_over and _is_active(services, batch_id) and changes.wait(deadline):
            pass


def _is_active(services: Services, batch_id: UUID) -> bool:
    with services.database.read() as session:
        return job_queries.is_batch_active(session, batch_id)


def _read(services: Services, caller: Caller, batch_id: UUID) -> tuple[tables.Batch, list[tables.Job]]:
    with services.database.read() as session:
        found = job_queries.get_batch(session, batch_id, caller.visible_application_id)
    if found is None:
        raise Problem("not_found", f"there is no batch {batch_id}")
    return found


def _show(batch: tables.Batch, found: list[tables.Job]) -> Response:
    return jsonify(batch_to_schema(batch, found).model_dump(mode="json"))
