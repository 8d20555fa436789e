"""The dashboard's data: state and recent activity of the service, across all applications."""

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from api.core.authentication import protect
from api.core.field_types import Time
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.monitoring import dashboard
from db.core.vocabulary import EMOTIONS, TERMINAL_STATUSES, JobStatus, Scope, WorkerState

blueprint = APIBlueprint("dashboard", __name__, url_prefix="/v1/dashboard", tag="Service")
protect(blueprint, Scope.REVIEW, Scope.ADMIN, users_may_read=True)


class MinuteMetrics(BaseModel):
    """Ended jobs that were created in one minute."""

    minute: Time = Field(description="Start of the minute.")
    succeeded: int = Field(examples=[41])
    failed: int = Field(examples=[1])
    canceled: int = Field(examples=[0])


class HourMetrics(BaseModel):
    """Faces stored in one hour."""

    hour: Time = Field(description="Start of the hour.")
    faces: int = Field(examples=[310])
    emotions: dict[str, int] = Field(examples=[{"happy": 140, "neutral": 120}])
    mean_confidence: float | None = Field(description="Null if there were no faces.", examples=[0.78])


class PhaseSeconds(BaseModel):
    """Percentiles, in seconds."""

    p50: float = Field(description="Median.", examples=[0.2])
    p95: float = Field(description="95th percentile.", examples=[0.6])
    p99: float = Field(description="99th percentile.", examples=[1.1])


class JobSeconds(BaseModel):
    """Durations of jobs."""

    sample: int = Field(description="Number of jobs: the newest ones that succeeded.", examples=[1000])
    waiting: PhaseSeconds
    running: PhaseSeconds
    total: PhaseSeconds


class FailureMetrics(BaseModel):
    """Jobs that failed with the same error code."""

    error_code: str = Field(description="Empty if there is no code.", examples=["broken_picture"])
    jobs: int = Field(examples=[3])
    latest_at: Time = Field(description="When the newest of them was created.")


class WorkerMetrics(BaseModel):
    """A live worker process."""

    name: str = Field(examples=["host-1:4711"])
    state: WorkerState = Field(examples=["ready"])
    detail: str | None = Field(description="Why it isn't ready, or why it kept an older version.", examples=[None])
    model_version: int | None = Field(examples=[1])
    runtime: str | None = Field(description="Runtime of the network, as in a face.", examples=["litert"])
    seen_at: Time = Field(description="Time of the last heartbeat.")


class DashboardReport(BaseModel):
    """State and recent activity of the service."""

    jobs: dict[JobStatus, int] = Field(
        description="Stored jobs by status. Ended jobs are counted once a minute.",
        examples=[{"queued": 2, "running": 1, "succeeded": 5210, "failed": 12, "canceled": 3}],
    )
    oldest_queued_at: Time | None = Field(description="When the oldest queued job was created.")
    champion: int | None = Field(description="The version in service.", examples=[1])
    champion_since: Time | None
    workers: list[WorkerMetrics]
    jobs_a_minute: float = Field(
        description="Jobs ended per minute, mean of the last five full minutes.", examples=[41.6]
    )
    minutes: list[MinuteMetrics] = Field(description="The last hour by minute; the last minute is incomplete.")
    job_seconds: JobSeconds | None = Field(description="Null for fewer than two jobs.")
    failures: list[FailureMetrics] = Field(description="Failures of the last 24 hours, most frequent first.")
    hours: list[HourMetrics] = Field(description="The last two days by hour; the last hour is incomplete.")


@blueprint.get("")
@blueprint.output(DashboardReport, description="The dashboard.")
@blueprint.doc(
    summary="The dashboard's figures",
    description="Covers the jobs and faces of every application, so it needs the scope `review` or `admin`.",
    responses=describe_errors("scope_missing"),
)
def read_dashboard() -> Response:
    """Read the dashboard's data."""
    return respond(_show(dashboard.read_dashboard(get_services())))


def _show(found: dashboard.Dashboard) -> DashboardReport:
    return DashboardReport(
        jobs=dict(found.counts),
        oldest_queued_at=found.oldest,
        champion=found.champion.number if found.champion else None,
        champion_since=found.champion_since,
        workers=[
            WorkerMetrics(
                name=worker.name,
                state=worker.state,
                detail=worker.detail,
                model_version=found.versions[worker.model_version_id] if worker.model_version_id else None,
                runtime=worker.runtime,
                seen_at=worker.seen_at,
            )
            for worker in found.workers
        ],
        jobs_a_minute=found.jobs_a_minute,
        minutes=_show_minutes(found),
        job_seconds=_show_seconds(found),
        failures=[
            FailureMetrics(error_code=failure.code, jobs=failure.count, latest_at=failure.latest_at)
            for failure in found.failures
        ],
        hours=_show_hours(found),
    )


def _show_minutes(found: dashboard.Dashboard) -> list[MinuteMetrics]:
    counts = {(each.minute, each.status): each.count for each in found.ended}
    return [
        MinuteMetrics(minute=minute, **{status.value: counts.get((minute, status), 0) for status in TERMINAL_STATUSES})
        for minute in found.minutes
    ]


def _show_hours(found: dashboard.Dashboard) -> list[HourMetrics]:
    emotions = {(hour, each.emotion): each.faces for hour, each in found.faces}
    return [
        HourMetrics(
            hour=hour,
            faces=faces,
            emotions={emotion.value: emotions.get((hour, emotion), 0) for emotion in EMOTIONS},
            mean_confidence=confidence / faces if faces else None,
        )
        for hour, (faces, confidence) in found.hour_totals.items()
    ]


def _show_seconds(found: dashboard.Dashboard) -> JobSeconds | None:
    if found.percentiles is None:
        return None
    return JobSeconds(
        sample=found.sample, **{phase: PhaseSeconds(**vars(taken)) for phase, taken in found.percentiles.items()}
    )
