"""Batches: many photos in one call or several. Each photo is accepted or refused on its own."""

from http import HTTPStatus
from time import monotonic
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for

from api.core.authentication import READS_JOBS, Caller, get_caller, needs_scope, protect, require_scope
from api.core.once import recall, remember
from api.core.openapi import describe_batch_body, describe_errors, describe_response
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import Services, get_services
from api.jobs.batch_schemas import (
    PHOTOS_SHOWN,
    Batch,
    BatchBody,
    BatchFields,
    BatchListQuery,
    BatchOptions,
    BatchPage,
    BatchPhotoPage,
    BatchPhotosQuery,
    BatchRetry,
    BatchSummary,
    batch_to_schema,
    is_done,
    photo_to_schema,
    retry_to_schema,
    summary_to_schema,
)
from api.jobs.batch_submission import list_sent_photos, submit_new_batch, submit_photos
from api.jobs.filter import choose_application_id
from api.jobs.options import JobOptions, SubmitHeaders, read_options
from api.jobs.reading import WaitQuery, read_preferred_wait
from api.jobs.routes import POLL_AFTER_S, PreferHeaders
from api.photos.inputs import is_json, read_json_body
from db import tables
from db.core.vocabulary import Scope
from db.jobs import batch_actions, batches
from db.jobs.batches import BatchProgress, UnknownBatch
from db.jobs.submission import NewBatch, Submitted

blueprint = APIBlueprint("batches", __name__, url_prefix="/v1/batches", tag="Batches")
protect(blueprint, *READS_JOBS, users_may_read=True)

_SUBMIT_ERRORS = (
    "photo_missing",
    "photo_too_large",
    "body_too_large",
    "too_many_photos",
    "invalid_request",
    "idempotency_conflict",
    "detector_unavailable",
    "queue_full",
    "quota_exceeded",
    "blob_store_unavailable",
)


@blueprint.post("")
@needs_scope(Scope.SUBMIT)
@blueprint.input(BatchOptions, location="query", arg_name="query")
@blueprint.input(PreferHeaders, location="headers", arg_name="headers")
@blueprint.output(Batch, status_code=HTTPStatus.ACCEPTED, description="The batch, with the state of each photo.")
@blueprint.doc(
    summary="Submit many photos",
    description="One `image` file field for each photo, or a JSON list of URLs and photos in base64. Photos that aren't accepted "
    "are listed as refused, with the reason; the others are still processed. The options apply to all photos. With `open` "
    "the batch accepts photos in further calls.",
    responses={
        **describe_response(
            200,
            "With `Prefer: wait=N`: the finished batch.",
            {"application/json": {"$ref": "#/components/schemas/Batch"}},
        ),
        **describe_errors(*_SUBMIT_ERRORS),
    },
    extensions=describe_batch_body(BatchOptions, BatchBody),
)
def create_batch(query: BatchOptions, headers: PreferHeaders) -> Response:
    """Create a batch with a job for each photo in this request."""
    services, caller = get_services(), get_caller()
    submitted = recall("submitted", Submitted)
    if submitted is None:
        submitted = remember("submitted", submit_new_batch(services, caller, query, headers.idempotency_key))
    wait_s = read_preferred_wait(headers.prefer)
    batch, progress = _wait_for_end(services, caller, submitted.id, wait_s)
    response = _show(services, batch, progress)
    response.headers["Location"] = url_for(".read_batch", batch_id=submitted.id)
    if not submitted.is_new:
        response.headers["Idempotent-Replayed"] = "true"
    if wait_s and is_done(batch, progress):
        response.headers["Preference-Applied"] = f"wait={wait_s}"
        return response
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Retry-After"] = str(POLL_AFTER_S)
    return response


@blueprint.get("")
@blueprint.input(BatchListQuery, location="query", arg_name="query")
@blueprint.output(BatchPage, description="A page of batches, newest first, without their photos.")
@blueprint.doc(summary="List batches", responses=describe_errors("invalid_request", "scope_missing"))
def list_batches(query: BatchListQuery) -> Response:
    """List the caller's batches, or another application's."""
    services, caller = get_services(), get_caller()
    with services.database.read() as session:
        application_id = choose_application_id(session, caller, query.application)
        found = read_page(
            lambda limit: batches.list_batches(session, application_id, limit=limit, before=query.cursor), query.limit
        )
        progress = batches.count_batches(session, found.rows)
    items = [summary_to_schema(batch, progress[batch.id]) for batch in found.rows]
    return respond(BatchPage(items=items, next=found.make_next_url(".list_batches")))


@blueprint.get("/<uuid:batch_id>")
@blueprint.input(WaitQuery, location="query", arg_name="query")
@blueprint.output(Batch, description="The batch.")
@blueprint.doc(
    summary="Read a batch",
    description="With `wait` the request is held until the batch is closed and every job of it has ended.",
    responses=describe_errors("unknown_batch", "invalid_request"),
)
def read_batch(batch_id: UUID, query: WaitQuery) -> Response:
    """Read one batch, or wait for its end."""
    services, caller = get_services(), get_caller()
    batch, progress = _wait_for_end(services, caller, batch_id, query.wait)
    response = _show(services, batch, progress)
    if not is_done(batch, progress):
        response.headers["Retry-After"] = str(POLL_AFTER_S)
    return response


@blueprint.get("/<uuid:batch_id>/photos")
@blueprint.input(BatchPhotosQuery, location="query", arg_name="query")
@blueprint.output(BatchPhotoPage, description="A page of photos, in the order in which they were sent.")
@blueprint.doc(summary="List the photos of a batch", responses=describe_errors("unknown_batch", "invalid_request"))
def list_batch_photos(batch_id: UUID, query: BatchPhotosQuery) -> Response:
    """List the photos of a batch."""
    services, caller = get_services(), get_caller()
    batch, _ = _read(services, caller, batch_id)
    with services.database.read() as session:
        found = read_page(
            lambda limit: batches.list_photos(session, batch.id, limit=limit, after=query.after),
            query.limit,
            batches.read_position,
        )
    following = found.make_next_url(".list_batch_photos", "after")
    return respond(BatchPhotoPage(items=[photo_to_schema(photo) for photo in found.rows], next=following))


@blueprint.post("/<uuid:batch_id>/photos")
@needs_scope(Scope.SUBMIT)
@blueprint.input(JobOptions, location="query", arg_name="query")
@blueprint.input(SubmitHeaders, location="headers", arg_name="headers")
@blueprint.output(Batch, status_code=HTTPStatus.ACCEPTED, description="The batch, with the photos of this call.")
@blueprint.doc(
    summary="Add photos to a batch",
    description="Like submitting many photos, to an open batch. A batch has at most 100,000 photos. A call repeated with its "
    "`Idempotency-Key` adds nothing, and lists no photos.",
    responses=describe_errors("unknown_batch", "batch_closed", "batch_full", *_SUBMIT_ERRORS),
    extensions=describe_batch_body(JobOptions, BatchFields),
)
def add_batch_photos(batch_id: UUID, query: JobOptions, headers: SubmitHeaders) -> Response:
    """Add a job for each photo in this request to a batch."""
    services, caller = get_services(), get_caller()
    batch, _ = _read(services, caller, batch_id, own_only=True)
    body = read_json_body(BatchFields) if is_json() else None
    sent = list_sent_photos(services, body)
    options = read_options(query, services.settings, body)
    new = NewBatch(batch.id, batch.application_id, [], is_there=True)
    submitted = submit_photos(services, caller, new, sent, options, headers.idempotency_key)
    batch, progress = _read(services, caller, batch_id)
    photos: list[tables.Job | tables.BatchRefusal] = []
    if submitted.is_new:
        with services.database.read() as session:
            photos = batches.list_photos(session, batch.id, limit=submitted.count, after=submitted.first_position - 1)
    response = respond(batch_to_schema(batch, progress, photos), HTTPStatus.ACCEPTED)
    if not submitted.is_new:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@blueprint.post("/<uuid:batch_id>/close")
@blueprint.output(BatchSummary, description="The batch, closed.")
@blueprint.doc(
    summary="Close a batch",
    description="No more photos can be added. Closing a closed batch changes nothing.",
    responses=describe_errors("scope_missing", "unknown_batch"),
)
def close_batch(batch_id: UUID) -> Response:
    """Close a batch."""
    services, caller = get_services(), get_caller()
    batch_actions.close_batch(services.jobs, _read(services, caller, batch_id)[0].id)
    return _show_summary(*_read(services, caller, batch_id))


@blueprint.post("/<uuid:batch_id>/cancel")
@blueprint.output(BatchSummary, description="The closed batch. Jobs are canceled for as long as the call has time.")
@blueprint.doc(
    summary="Cancel a batch",
    description="Closes it and cancels its jobs that haven't ended. "
    "If there are very many, the last ones are canceled after the answer.",
    responses=describe_errors("scope_missing", "unknown_batch"),
)
def cancel_batch(batch_id: UUID) -> Response:
    """Cancel a batch."""
    services, caller = get_services(), get_caller()
    batch, _ = _read(services, caller, batch_id)
    batch_actions.cancel_batch(services.jobs, batch, actor=caller.actor, is_owner=_owns(caller, batch))
    return _show_summary(*_read(services, caller, batch_id))


@blueprint.post("/<uuid:batch_id>/retry")
@blueprint.output(
    BatchRetry, status_code=HTTPStatus.ACCEPTED, description="Number of photos that were submitted again."
)
@blueprint.doc(
    summary="Retry the failed photos of a batch",
    description="Submits each failed photo that is still stored as a new job, which replaces the failed one in the batch. The "
    "batch finishes again when the new jobs have ended.",
    responses=describe_errors("scope_missing", "unknown_batch", "queue_full", "blob_store_unavailable"),
)
def retry_batch(batch_id: UUID) -> Response:
    """Retry the failed photos of a batch."""
    services, caller = get_services(), get_caller()
    batch, _ = _read(services, caller, batch_id)
    retried = batch_actions.retry_batch(services.jobs, batch, actor=caller.actor, is_owner=_owns(caller, batch))
    batch, progress = _read(services, caller, batch_id)
    return respond(retry_to_schema(batch, progress, retried), HTTPStatus.ACCEPTED)


@blueprint.delete("/<uuid:batch_id>")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="Everything was erased.")
@blueprint.doc(
    summary="Erase a batch",
    description="Deletes its photos, crops and rows, in any state, like erasing each of its jobs. The batch is hidden at once. If "
    "it has very many jobs, the last ones are erased after the answer, whose status is then 202. A signed-in user needs the "
    "role `administrator`.",
    responses={
        **describe_response(202, "The rest is erased within a minute or two."),
        **describe_errors("scope_missing", "unknown_batch", "blob_store_unavailable"),
    },
)
def erase_batch(batch_id: UUID) -> tuple[str, HTTPStatus]:
    """Erase one batch."""
    services, caller = get_services(), get_caller()
    if caller.is_user:
        require_scope(Scope.ADMIN)
    batch, _ = _read(services, caller, batch_id)
    is_gone = batch_actions.erase_batch(services.jobs, batch, actor=caller.actor, is_owner=_owns(caller, batch))
    return "", HTTPStatus.NO_CONTENT if is_gone else HTTPStatus.ACCEPTED


def _wait_for_end(
    services: Services, caller: Caller, batch_id: UUID, wait_s: float
) -> tuple[tables.Batch, BatchProgress]:
    """Return the batch when it is done, or in its state after `wait_s` seconds (at most settings.max_wait_s)."""
    found = _read(services, caller, batch_id)
    if wait_s <= 0 or is_done(*found):
        return found
    with services.waiter.listen([batch_id]) as changes:
        deadline = changes.keep_deadline(monotonic() + min(wait_s, services.settings.max_wait_s))
        while not is_done(*(found := _read(services, caller, batch_id))) and changes.wait(deadline):
            pass
    return found


def _read(
    services: Services, caller: Caller, batch_id: UUID, *, own_only: bool = False
) -> tuple[tables.Batch, BatchProgress]:
    application_id = caller.application_id if own_only else caller.visible_application_id
    with services.database.read() as session:
        batch = batches.find_batch(session, batch_id, application_id)
        if batch is None:
            raise UnknownBatch(f"there is no batch {batch_id}")
        return batch, batches.count_batch(session, batch)


def _owns(caller: Caller, batch: tables.Batch) -> bool:
    return not caller.is_user and batch.application_id == caller.application_id


def _show(services: Services, batch: tables.Batch, progress: BatchProgress) -> Response:
    with services.database.read() as session:
        photos = batches.list_photos(session, batch.id, limit=PHOTOS_SHOWN)
    return respond(batch_to_schema(batch, progress, photos))


def _show_summary(batch: tables.Batch, progress: BatchProgress) -> Response:
    return respond(summary_to_schema(batch, progress))
