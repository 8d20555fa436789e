"""Retry: submit a job's photo again as a new job."""

from http import HTTPStatus
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for

from api.core.authentication import READS_JOBS, get_caller, protect
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.jobs.reading import read_visible_job
from api.jobs.schemas import Job, job_to_schema
from db.jobs import actions

blueprint = APIBlueprint("job_retry", __name__, url_prefix="/v1/jobs", tag="Jobs")
protect(blueprint, *READS_JOBS)


@blueprint.post("/<uuid:job_id>/retry")
@blueprint.output(Job, status_code=HTTPStatus.ACCEPTED, description="The new job, queued.")
@blueprint.doc(
    summary="Analyse a photo again",
    description="Submits the job's photo as a new job, with the same options except deadline and callback. The photo must still be "
    "stored.",
    responses=describe_errors(
        "scope_missing", "not_found", "photo_gone", "detector_unavailable", "queue_full", "blob_store_unavailable"
    ),
)
def retry_job(job_id: UUID) -> Response:
    """Create a new job from a job's photo."""
    services, caller = get_services(), get_caller()
    job = read_visible_job(services, caller, job_id)
    new_id = actions.retry_job(services.jobs, job, actor=caller.actor, is_owner=caller.owns(job))
    shown = job_to_schema(read_visible_job(services, caller, new_id), services.settings.uncertain_below)
    response = respond(shown, HTTPStatus.ACCEPTED)
    response.headers["Location"] = url_for("jobs.read_job", job_id=new_id)
    return response
