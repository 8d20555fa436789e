"""Batches: many photos in one call, each accepted or refused by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from time import monotonic
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, jsonify, url_for
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import FileStorage

from api.core.authentication import Caller, get_caller, needs_scope, protect
from api.core.errors import Problem
from api.core.openapi import describe_batch_body, describe_errors
from api.core.services import Services, get_services
from api.jobs.batch_schemas import Batch, batch_to_schema
from api.jobs.options import JobOptions, SubmitHeaders, read_options
from api.jobs.reading import WaitQuery, has_ended
from api.jobs.routes import POLL_AFTER_S
from api.jobs.submission import (
    Repeatable,
    commit_once,
    discard_photos,
    discarding_if_full,
    find_earlier,
    require_room,
    send_jobs,
    store_photo,
)
from api.photos.uploads import Photo, clean_filename, list_uploads, read_upload
from db import tables
from db.core.vocabulary import Scope
from db.jobs import batches, idempotency
from db.jobs import lifecycle as jobs
from db.jobs import queries as job_queries

blueprint = APIBlueprint("batches", __name__, url_prefix="/v1/batches", tag="Batches")
protect(blueprint, Scope.SUBMIT, Scope.ADMIN, users_may_read=True)


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
    batch_id, is_new = _submit(services, caller, uploads, options, headers.idempotency_key)
    response = _show(*_read(services, caller, batch_id))
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = url_for(".read_batch", batch_id=batch_id)
    response.headers["Retry-After"] = str(POLL_AFTER_S)
    if not is_new:
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
) -> tuple[UUID, bool]:
    """Make a batch of the photos, or find the one that the same request made before. Returns its id, and whether it is new."""
    accepted, refused = _check(uploads, services)
    marks = [photo.sha256 for _, photo in accepted] + [f"{photo['position']}:{photo['code']}" for photo in refused]
    repeatable = Repeatable(key, options.make_fingerprint(marks)) if key else None
    earlier = find_earlier(services, caller, repeatable)
    if earlier is None:
        require_room(services, len(accepted))
        batch_id = uuid7()
        with _storing(services) as stored:
            for position, photo in accepted:
                _, data = read_upload(uploads[position], services.settings)
                new = store_photo(services, caller, photo, data, options)
                stored.append(replace(new, batch_id=batch_id, batch_position=position))

        def create(session: Session) -> None:
            batches.create_batch(session, batch_id, caller.application_id, refused)
            for new in stored:
                jobs.create_job(session, new, actor=caller.name)

        with discarding_if_full(services, stored):
            earlier = commit_once(services, caller, repeatable, create, batch_id=batch_id)
        if earlier is None:
            send_jobs(services, [new.id for new in stored], options.priority)
            return batch_id, True
        discard_photos(services, stored)
    if earlier.batch_id is None:
        raise idempotency.IdempotencyConflict("this Idempotency-Key was used before for a single photo")
    return earlier.batch_id, False


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


@contextmanager
def _storing(services: Services) -> Iterator[list[jobs.NewJob]]:
    """Gather what is stored; if storing fails midway, nothing of it stays behind."""
    stored: list[jobs.NewJob] = []
    try:
        yield stored
    except Exception:
        discard_photos(services, stored)
        raise


def _wait_for_end(services: Services, batch_id: UUID, found: list[tables.Job], wait_s: float) -> None:
    """Return when every job of the batch has ended, or after `wait_s` seconds (at most settings.max_wait_s).

    Each change of one of its jobs wakes the wait, two a photo at the least, so little is asked each time.
    """
    deadline = monotonic() + min(wait_s, services.settings.max_wait_s)
    with services.waiter.listen([job.id for job in found]) as changes:
        while _is_active(services, batch_id) and changes.wait(deadline):
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
