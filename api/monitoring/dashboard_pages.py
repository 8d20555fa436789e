"""The dashboard: how the service is, and what it saw lately."""

from collections.abc import Sequence
from datetime import datetime

from flask import Blueprint, render_template, request
from pydantic import Field

from api.core.services import get_services
from api.monitoring.dashboard import Dashboard, read_dashboard
from api.web.charts import Chart, Series, draw_lines, draw_stacks
from api.web.forms import refills_search
from api.web.queries import Query, read_query
from api.web.site import needs
from db.core.vocabulary import EMOTIONS, JobStatus, Role
from db.monitoring.dashboard import list_newest_faces

blueprint = Blueprint("dashboard", __name__)

_RANGES = ((6, "6 h"), (24, "24 h"), (48, "2 d"), (168, "7 d"), (720, "30 d"))
"""Hours, and how the choice names them."""


class DashboardSearch(Query):
    """How far back the charts by hour go."""

    hours: int = Field(default=48, ge=1, le=720)


_NEWEST_FACES = 14
_ENDS = ((JobStatus.SUCCEEDED, "good"), (JobStatus.FAILED, "bad"), (JobStatus.CANCELED, "quiet"))


@blueprint.get("/dashboard")
@needs(Role.VIEWER)
@refills_search
def show() -> str:
    """How many jobs come and go, how long they take, what fails, what the faces appear to express, who works."""
    hours = read_query(DashboardSearch, request.args).hours
    found = read_dashboard(get_services(), hours)
    with get_services().database.read() as session:
        newest = list_newest_faces(session, _NEWEST_FACES)
    return render_template(
        "monitoring/dashboard.html",
        newest=newest,
        found=found,
        hours=hours,
        ranges=_RANGES,
        throughput=_draw_throughput(found),
        mix=_draw_mix(found),
        confidence=_draw_confidence(found),
    )


def _draw_throughput(found: Dashboard) -> Chart:
    counts = {(each.minute, each.status): float(each.count) for each in found.ended}
    series = [
        Series(status.value, tone, [counts.get((minute, status), 0.0) for minute in found.minutes])
        for status, tone in _ENDS
    ]
    labels = [f"{minute:%H:%M}" for minute in found.minutes]
    return draw_stacks("Jobs a minute", labels, series, moments=found.minutes)


def _draw_mix(found: Dashboard) -> Chart:
    counts = {(hour, each.emotion): each.faces for hour, each in found.faces}
    totals = [(hour, faces) for hour, (faces, _) in found.hour_totals.items()]
    series = [
        Series(emotion.value, emotion.value, [counts.get((hour, emotion), 0) / max(faces, 1) for hour, faces in totals])
        for emotion in EMOTIONS
    ]
    return draw_stacks(
        "Emotion mix by hour", _label_hours(found.hours), series, show="{:.2f}".format, high=1.0, moments=found.hours
    )


def _draw_confidence(found: Dashboard) -> Chart:
    means = [confidence / faces if faces else None for faces, confidence in found.hour_totals.values()]
    series = [Series("mean confidence", "accent", means)]
    return draw_lines(
        "Mean confidence by hour", _label_hours(found.hours), series, high=1.0, has_dots=True, moments=found.hours
    )


def _label_hours(hours: Sequence[datetime]) -> list[str]:
    return [f"{hour:%a %H:00}" for hour in hours]
