"""Jobs: submit a photo, read, list, cancel and erase jobs."""

from http import HTTPStatus
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from pydantic import BaseModel, Field
from werkzeug.http import parse_etags, quote_etag

from api.core.authentication import (
    DAILY_QUOTA,
    READS_JOBS,
    Caller,
    get_caller,
    needs_scope,
    protect,
    require_scope,
)
from api.core.once import recall, remember
from api.core.openapi import describe_errors, describe_photo_body, describe_response
from api.core.paging import read_page
from api.core.responses import respond
from api.core.server.bridge import MEMO
from api.core.services import Services, get_services
from api.jobs.filter import JobListQuery, make_filter
from api.jobs.options import JobOptions, SubmitHeaders, Unset, read_options
from api.jobs.reading import (
    WaitQuery,
    has_ended,
    name_application,
    read_preferred_wait,
    read_visible_job,
    record_seen,
    wait_for_job,
)
from api.jobs.schemas import Job, JobPage, job_to_schema, make_etag
from api.jobs.submission import make_new_job, make_repeatable
from api.photos.inputs import JobBody, SentPhoto, is_json, read_input, read_json_body
from api.photos.uploads import read_photo
from db import tables
from db.core.vocabulary import Scope
from db.jobs import actions
from db.jobs import queries as job_queries
from db.jobs.submission import Submitted, submit_job
from emoscope.settings import Settings

blueprint = APIBlueprint("jobs", __name__, url_prefix="/v1/jobs", tag="Jobs")
protect(blueprint, *READS_JOBS, users_may_read=True)

POLL_AFTER_S = 1
"""Polling interval suggested to clients that don't wait."""


class PreferHeaders(SubmitHeaders):
    """Headers of a submission, with how long to wait for its result."""

    prefer: str | Unset = Field(
        default=None,
        description="`wait=N` to be answered when the job has ended, at most N seconds later (RFC 7240).",
        examples=["wait=10"],
    )


class ReadHeaders(BaseModel):
    """Headers of a conditional read."""

    if_none_match: str | Unset = Field(
        default=None, description="The `ETag` of an earlier answer.", examples=['"2-photo"']
    )


@blueprint.post("")
@needs_scope(Scope.SUBMIT)
@blueprint.input(JobOptions, location="query", arg_name="query")
@blueprint.input(PreferHeaders, location="headers", arg_name="headers")
@blueprint.output(Job, status_code=HTTPStatus.ACCEPTED, description="The job, queued.")
@blueprint.doc(
    summary="Submit a photo",
    description="Send the photo as the form field `image`, as the body itself, or in JSON as a URL or in base64. The answer comes "
    "at once, with the queued job. With `Prefer: wait=10` it comes when the result is ready, at most 10 seconds later. With "
    "an `Idempotency-Key` the request can be repeated without creating a second job.",
    responses={
        **describe_response(
            200,
            "With `Prefer: wait=N`: the job, after it has ended.",
            {"application/json": {"$ref": "#/components/schemas/Job"}},
        ),
        **describe_errors(
            "photo_missing",
            "empty_photo",
            "photo_too_large",
            "body_too_large",
            "not_a_picture",
            "broken_picture",
            "too_many_pixels",
            "too_much_memory",
            "too_many_photos",
            "invalid_request",
            "idempotency_conflict",
            "detector_unavailable",
            "queue_full",
            "quota_exceeded",
            "blob_store_unavailable",
        ),
    },
    extensions=describe_photo_body(JobOptions, JobBody),
)
def create_job(query: JobOptions, headers: PreferHeaders) -> Response:
    """Create a job for the photo in this request."""
    services, caller = get_services(), get_caller()
    submitted = recall("submitted", Submitted)
    if submitted is None:
        submitted = remember("submitted", _submit(services, caller, query, headers.idempotency_key))
    g.job_id = submitted.id  # for the access log
    wait_s = read_preferred_wait(headers.prefer)
    if submitted.job is not None and not wait_s and not caller.is_test:  # a test's job may have its photo by now
        job = name_application(submitted.job, caller)
    else:
        job = wait_for_job(services, caller, submitted.id, has_ended, wait_s)
    response = _show(job)
    response.headers["Location"] = url_for(".read_job", job_id=submitted.id)
    if not submitted.is_new:
        response.headers["Idempotent-Replayed"] = "true"
    if wait_s and has_ended(job):
        response.headers["Preference-Applied"] = f"wait={wait_s}"
        return response
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Retry-After"] = str(POLL_AFTER_S)
    return response


def _submit(services: Services, caller: Caller, query: JobOptions, key: str | None) -> Submitted:
    sent, options = _read_submission(query, services.settings)
    new = make_new_job(sent, options, caller, services.settings)
    repeatable = make_repeatable(key, options, [sent.mark])
    return submit_job(services.jobs, new, sent.read(), actor=caller.actor, repeatable=repeatable, quota=DAILY_QUOTA)


@blueprint.get("")
@blueprint.input(JobListQuery, location="query", arg_name="query")
@blueprint.output(JobPage, description="A page of jobs, newest first.")
@blueprint.doc(summary="List jobs", responses=describe_errors("invalid_request", "scope_missing"))
def list_jobs(query: JobListQuery) -> Response:
    """List the caller's jobs, or another application's."""
    services, caller = get_services(), get_caller()
    with services.database.read() as session:
        wanted = make_filter(session, caller, query)
        found = read_page(
            lambda limit: job_queries.list_jobs(session, wanted, limit=limit, before=query.cursor), query.limit
        )
    record_seen(services, caller, [job.id for job in found.rows])
    following = found.make_next_url(".list_jobs")
    page = JobPage(items=[job_to_schema(job, services.settings.uncertain_below) for job in found.rows], next=following)
    return respond(page)


@blueprint.get("/<uuid:job_id>")
@blueprint.input(WaitQuery, location="query", arg_name="query")
@blueprint.input(ReadHeaders, location="headers", arg_name="headers")
@blueprint.output(Job, description="The job.")
@blueprint.doc(
    summary="Read a job",
    description="With `wait` the request is held until the job's status changes. With `If-None-Match` the answer is 304 while the "
    "job hasn't changed, and `wait` holds the request until it has.",
    responses={**describe_response(304, "Nothing has changed."), **describe_errors("not_found", "invalid_request")},
)
def read_job(job_id: UUID, query: WaitQuery, headers: ReadHeaders) -> Response:
    """Read one job, or wait for it to change."""
    services, caller = get_services(), get_caller()
    memo = request.environ.get(MEMO, {})  # a parked request runs again; its memo holds the first state
    first = read_visible_job(services, caller, job_id)
    # proxies that compress weaken an ETag
    known = parse_etags(headers.if_none_match or memo.setdefault("seen", quote_etag(make_etag(first))))

    def is_enough(job: tables.Job) -> bool:
        return has_ended(job) or not known.contains_weak(make_etag(job))

    job = first if is_enough(first) or not query.wait else wait_for_job(services, caller, job_id, is_enough, query.wait)
    response = _show(job)
    if not has_ended(job):
        response.headers["Retry-After"] = str(POLL_AFTER_S)
    response.make_conditional(request)
    return response


@blueprint.post("/<uuid:job_id>/cancel")
@blueprint.output(Job, description="The job, canceled.")
@blueprint.doc(
    summary="Cancel a job",
    description="Cancels a job that hasn't ended. A worker that is analysing it stops without a result.",
    responses=describe_errors("scope_missing", "not_found", "invalid_transition"),
)
def cancel_job(job_id: UUID) -> Response:
    """Cancel one job."""
    services, caller = get_services(), get_caller()
    job = read_visible_job(services, caller, job_id)
    actions.cancel_job(services.jobs, job, actor=caller.actor, is_owner=caller.owns(job))
    return _show(read_visible_job(services, caller, job_id))


@blueprint.delete("/<uuid:job_id>")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="Everything was erased.")
@blueprint.doc(
    summary="Erase a job",
    description="Deletes the photo, the crops and every row of the job, in any state. If it fails, repeat it. A signed-in user "
    "needs the role `administrator`.",
    responses=describe_errors("scope_missing", "not_found", "blob_store_unavailable"),
)
def erase_job(job_id: UUID) -> tuple[str, HTTPStatus]:
    """Erase one job."""
    services, caller = get_services(), get_caller()
    if caller.is_user:  # jobs that users submit belong to their shared application, not to one user
        require_scope(Scope.ADMIN)
    actions.erase_job(services.jobs, read_visible_job(services, caller, job_id), actor=caller.actor)
    return "", HTTPStatus.NO_CONTENT


def _read_submission(query: JobOptions, settings: Settings) -> tuple[SentPhoto, JobOptions]:
    """Read the photo of this request, in any of its forms, and the options."""
    if is_json():
        body = read_json_body(JobBody)
        return read_input(body, settings), read_options(query, settings, body)
    photo, data = read_photo(settings)
    return SentPhoto(photo, lambda: data, photo.filename), read_options(query, settings)


def _show(job: tables.Job) -> Response:
    if job.faces:
        record_seen(get_services(), get_caller(), [job.id])
    shown = job_to_schema(job, get_services().settings.uncertain_below)
    response = respond(shown)
    response.set_etag(make_etag(job))
    return response
