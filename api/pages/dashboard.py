"""The dashboard: how the service is, and what it saw lately."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from flask import Blueprint, render_template
from sqlalchemy.orm import Session

from api.pages.charts import Chart, Series, draw_lines, draw_stacks
from api.pages.site import needs
from api.services import Services, get_services
from db import dashboard, face_hours, job_queries, model_versions, workers
from db.columns import utcnow
from db.dashboard import MinuteCount
from db.face_hours import EmotionCount, floor_hour
from db.vocabulary import EMOTIONS, JobStatus, Role, WorkerState

blueprint = Blueprint("dashboard", __name__)

_MINUTES = 60
_HOURS = 48
_FAILURE_WINDOW = timedelta(hours=24)
_SAMPLE = 1000
"""Newest jobs that the percentiles are taken from."""
_ENDS = ((JobStatus.SUCCEEDED, "good"), (JobStatus.FAILED, "bad"), (JobStatus.CANCELED, "quiet"))


@blueprint.get("/dashboard")
@needs(Role.VIEWER)
def show() -> str:
    """How many jobs come and go, how long they take, what fails, what the faces appear to express, who works."""
    services = get_services()
    now = utcnow()
    with services.database.read() as session:
        facts = _read_state(session, services)
        minutes = dashboard.count_jobs_by_minute(session, now - timedelta(minutes=_MINUTES))
        emotions = face_hours.list_hours(session, _list_hours(now)[0])
        failures = dashboard.count_failures(session, now - _FAILURE_WINDOW)
        durations = job_queries.list_recent_durations(session, _SAMPLE)
    return render_template(
        "pages/dashboard.html",
        **facts,
        throughput=_draw_throughput(minutes, now),
        lately=sum(each.count for each in minutes if now - each.minute <= timedelta(minutes=6)) / 5,
        percentiles=_take_percentiles(durations),
        sample=len(durations),
        failures=failures,
        mix=_draw_mix(emotions, now),
        confidence=_draw_confidence(emotions, now),
    )


def _read_state(session: Session, services: Services) -> dict[str, Any]:
    live = workers.list_live_workers(session, services.settings.worker_heartbeat_s)
    champion = model_versions.get_champion(session)
    history = model_versions.list_promotions(session)
    return {
        "counts": services.job_counts.read(session),
        "oldest": job_queries.oldest_queued_at(session),
        "workers": live,
        "ready": sum(worker.state is WorkerState.READY for worker in live),
        "champion": champion,
        "champion_since": history[0].at if history else None,
        "versions": {version.id: version.number for version in model_versions.list_versions(session)},
    }


def _draw_throughput(counts: Sequence[MinuteCount], now: datetime) -> Chart:
    end = now.replace(second=0, microsecond=0)
    minutes = [end - timedelta(minutes=back) for back in range(_MINUTES - 1, -1, -1)]
    found = {(each.minute, each.status): float(each.count) for each in counts}
    series = [
        Series(status.value, tone, [found.get((minute, status), 0.0) for minute in minutes]) for status, tone in _ENDS
    ]
    return draw_stacks("Jobs a minute", [f"{minute:%H:%M}" for minute in minutes], series)


def _draw_mix(counts: Sequence[tuple[datetime, EmotionCount]], now: datetime) -> Chart:
    hours = _list_hours(now)
    totals = Counter[datetime]()
    for hour, each in counts:
        totals[hour] += each.faces
    found = {(hour, each.emotion): each.faces / totals[hour] for hour, each in counts}
    series = [
        Series(emotion.value, emotion.value, [found.get((hour, emotion), 0.0) for hour in hours])
        for emotion in EMOTIONS
    ]
    return draw_stacks("Emotion mix by hour", _label_hours(hours), series, show="{:.2f}".format, high=1.0)


def _draw_confidence(counts: Sequence[tuple[datetime, EmotionCount]], now: datetime) -> Chart:
    hours = _list_hours(now)
    sums, totals = defaultdict[datetime, float](float), Counter[datetime]()
    for hour, each in counts:
        sums[hour] += each.confidence_sum
        totals[hour] += each.faces
    means = [sums[hour] / totals[hour] if totals[hour] else None for hour in hours]
    series = [Series("mean confidence", "accent", means)]
    return draw_lines("Mean confidence by hour", _label_hours(hours), series, high=1.0, has_dots=True)


def _list_hours(now: datetime) -> list[datetime]:
    return [floor_hour(now) - timedelta(hours=back) for back in range(_HOURS - 1, -1, -1)]


def _label_hours(hours: Sequence[datetime]) -> list[str]:
    return [f"{hour:%a %H:00}" for hour in hours]


def _take_percentiles(durations: Sequence[job_queries.JobDuration]) -> dict[str, tuple[float, float, float]] | None:
    """Half, 95 and 99 of a hundred jobs waited, ran and took at most so many seconds. None for fewer than two jobs."""
    if len(durations) < 2:
        return None
    phases = {
        "waiting": [duration.waiting_s for duration in durations],
        "running": [duration.running_s for duration in durations],
        "in all": [duration.waiting_s + duration.running_s for duration in durations],
    }
    cuts = {name: quantiles(seconds, n=100, method="inclusive") for name, seconds in phases.items()}
    return {name: (cut[49], cut[94], cut[98]) for name, cut in cuts.items()}
