"""A job's events: every move that it made, when, by whom and why."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel, Field

from api.core.authentication import get_caller, protect
from api.core.openapi import describe_errors
from api.core.services import get_services
from api.jobs.reading import read_visible_job
from api.jobs.schemas import Time
from db.core.vocabulary import JobStatus
from db.jobs import queries as job_queries

blueprint = APIBlueprint("job_events", __name__, url_prefix="/v1/jobs", tag="Jobs")
protect(blueprint)


class JobEvent(BaseModel):
    """One move of a job."""

    at: Time
    from_status: JobStatus | None = Field(description="Null for the submission.", examples=["queued"])
    to_status: JobStatus = Field(examples=["running"])
    attempt: int = Field(description="How often a worker had taken the job.", examples=[1])
    actor: str = Field(
        description="Who moved it: an application, a person, or a worker child.", examples=["host-1:4711"]
    )
    detail: str | None = Field(description="Why, where there is something to say.", examples=[None])


class JobEventList(BaseModel):
    """A job's events, oldest first."""

    items: list[JobEvent]


@blueprint.get("/<uuid:job_id>/events")
@blueprint.output(JobEventList, description="All of them.")
@blueprint.doc(summary="Read what happened to a job", responses=describe_errors("not_found"))
def list_job_events(job_id: UUID) -> Response:
    """Read every move of a job."""
    services = get_services()
    job = read_visible_job(services, get_caller(), job_id)
    with services.database.read() as session:
        shown = [
            JobEvent(
                at=event.at,
                from_status=event.from_status,
                to_status=event.to_status,
                attempt=event.attempt,
                actor=event.actor,
                detail=event.detail,
            )
            for event in job_queries.list_events(session, job.id)
        ]
    return jsonify(JobEventList(items=shown).model_dump(mode="json"))
