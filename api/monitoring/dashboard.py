"""Reads the state and recent activity of the service, for the dashboard's page and API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from api.core.services import Services
from api.monitoring.percentiles import Percentiles, take_percentiles
from db import tables
from db.core.types import utcnow
from db.core.vocabulary import JobStatus, WorkerState
from db.faces import hourly_counts
from db.faces.hourly_counts import EmotionCount, floor_hour
from db.jobs import queries as job_queries
from db.model_versions import actions as model_versions
from db.monitoring import dashboard
from db.monitoring import heartbeats as workers
from db.monitoring.dashboard import FailureCount, MinuteCount
from db.monitoring.tables import Worker

_MINUTES = 60
_HOURS = 48
_MEAN_MINUTES = 5
_FAILURE_WINDOW = timedelta(hours=24)
_SAMPLE = 1000
"""Number of newest jobs from which percentiles are computed."""


@dataclass(frozen=True)
class Dashboard:
    """State and recent activity of the service.

    counts: jobs by status.
    versions: numbers by id.
    minutes, hours: starts of the last 60 minutes and 48 hours, in UTC; the last of each is incomplete.
    ended: ended jobs by minute of creation.
    jobs_a_minute: mean of the last five complete minutes.
    faces: by the hour in which they were stored.
    percentiles: by phase, of the newest `sample` jobs that succeeded; None for fewer than two.
    """

    counts: Mapping[JobStatus, int]
    oldest: datetime | None
    champion: tables.ModelVersion | None
    champion_since: datetime | None
    versions: Mapping[UUID, int]
    workers: Sequence[Worker]
    minutes: Sequence[datetime]
    ended: Sequence[MinuteCount]
    jobs_a_minute: float
    hours: Sequence[datetime]
    faces: Sequence[tuple[datetime, EmotionCount]]
    failures: Sequence[FailureCount]
    percentiles: Mapping[str, Percentiles] | None
    sample: int

    @property
    def ready(self) -> int:
        """Number of worker processes that can take a job."""
        return sum(worker.state is WorkerState.READY for worker in self.workers)

    @property
    def hour_totals(self) -> dict[datetime, tuple[int, float]]:
        """Number of faces and sum of their confidences for each of `hours`.

        Faces of a later hour are left out: they were stored during the read, or by a machine whose clock is ahead.
        """
        totals = dict.fromkeys(self.hours, (0, 0.0))
        for hour, each in self.faces:
            if hour in totals:
                faces, confidence = totals[hour]
                totals[hour] = faces + each.faces, confidence + each.confidence_sum
        return totals


def read_dashboard(services: Services, hours_back: int = _HOURS) -> Dashboard:
    """Read the dashboard. hours_back: number of hours."""
    now = utcnow()
    minutes = _list_back(now.replace(second=0, microsecond=0), timedelta(minutes=1), _MINUTES)
    hours = _list_back(floor_hour(now), timedelta(hours=1), hours_back)
    with services.database.read() as session:
        ended = dashboard.count_jobs_by_minute(session, minutes[0])
        durations = job_queries.list_recent_durations(session, _SAMPLE)
        history = model_versions.list_promotions(session)
        return Dashboard(
            counts=services.job_counts.read(session),
            oldest=job_queries.oldest_queued_at(session),
            champion=model_versions.get_champion(session),
            champion_since=history[0].at if history else None,
            versions={version.id: version.number for version in model_versions.list_versions(session)},
            workers=workers.list_live_workers(session, services.settings.worker_heartbeat_s),
            minutes=minutes,
            ended=ended,
            jobs_a_minute=dashboard.average_minutes(ended, now, _MEAN_MINUTES),
            hours=hours,
            faces=hourly_counts.list_hours(session, hours[0]),
            failures=dashboard.count_failures(session, now - _FAILURE_WINDOW),
            percentiles=take_percentiles(durations),
            sample=len(durations),
        )


def _list_back(end: datetime, step: timedelta, count: int) -> list[datetime]:
    return [end - step * back for back in range(count - 1, -1, -1)]
