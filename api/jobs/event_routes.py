"""A job's events: every transition, with time, actor and reason."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from api.core.authentication import READS_JOBS, get_caller, protect
from api.core.field_types import Time
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.jobs.reading import read_visible_job
from db.core.actors import ActorKind
from db.core.vocabulary import JobStatus
from db.jobs import queries as job_queries

blueprint = APIBlueprint("job_events", __name__, url_prefix="/v1/jobs", tag="Jobs")
protect(blueprint, *READS_JOBS, users_may_read=True)


class JobEvent(BaseModel):
    """One transition of a job."""

    at: Time
    from_status: JobStatus | None = Field(description="Null for the submission.", examples=["queued"])
    to_status: JobStatus = Field(examples=["running"])
    attempt: int = Field(description="Number of attempts so far.", examples=[1])
    actor: str = Field(
        description="Who changed it: a user's name, `application:NAME`, a worker process, or a component of the service.",
        examples=["host-1:4711"],
    )
    actor_kind: ActorKind | None = Field(
        description="Kind of the actor; null if it isn't known.",
        examples=["worker"],
    )
    detail: str | None = Field(description="The reason, if there is one.", examples=[None])


class JobEventList(BaseModel):
    """A job's events, oldest first."""

    items: list[JobEvent]


@blueprint.get("/<uuid:job_id>/events")
@blueprint.output(JobEventList, description="All events.")
@blueprint.doc(summary="Read what happened to a job", responses=describe_errors("scope_missing", "not_found"))
def list_job_events(job_id: UUID) -> Response:
    """List a job's events."""
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
                actor_kind=event.known_actor_kind,
                detail=event.detail,
            )
            for event in job_queries.list_events(session, job.id)
        ]
    return respond(JobEventList(items=shown))
