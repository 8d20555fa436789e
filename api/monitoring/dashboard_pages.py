"""The dashboard page: state and recent activity of the service."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from math import ceil

from flask import Blueprint, render_template, request
from pydantic import Field

from api.core.services import get_services
from api.monitoring.dashboard import Dashboard, read_dashboard
from api.web.charts import Chart, Series, draw_lines, draw_stacks
from api.web.forms import refills_search
from api.web.queries import Query, read_query
from api.web.site import needs
from db.core.vocabulary import EMOTIONS, Emotion, JobStatus, Role
from db.monitoring.dashboard import list_newest_faces
from db.reviews.result_views import list_hidden

blueprint = Blueprint("dashboard", __name__)

_RANGES = ((6, "6 h"), (24, "24 h"), (48, "2 d"), (168, "7 d"), (720, "30 d"))
"""Number of hours, and its name in the select field."""


class DashboardSearch(Query):
    """Range of the hourly charts."""

    hours: int = Field(default=48, ge=1, le=720)


_MOST_PLACES = 72
"""Maximum number of points of an hourly chart. More would be narrower than a line, and take longer to draw than to read."""
_NEWEST_FACES = 14
_ENDS = ((JobStatus.SUCCEEDED, "good"), (JobStatus.FAILED, "bad"), (JobStatus.CANCELED, "quiet"))


@blueprint.get("/dashboard")
@needs(Role.VIEWER)
@refills_search
def show() -> str:
    """Show throughput, durations, failures, predicted emotions and workers."""
    hours = read_query(DashboardSearch, request.args).hours
    found = read_dashboard(get_services(), hours)
    with get_services().database.read() as session:
        newest = list_newest_faces(session, _NEWEST_FACES)
        hidden = list_hidden(session, [face.face_id for face in newest])
    return render_template(
        "monitoring/dashboard.html",
        newest=newest,
        hidden=hidden,
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
    return draw_stacks("Jobs per minute", labels, series, moments=found.minutes)


def _draw_mix(found: Dashboard) -> Chart:
    step, spans = _span(found.hours)
    counts, totals = Counter[tuple[int, Emotion]](), Counter[int]()
    for hour, each in found.faces:
        if hour in spans:
            counts[spans[hour], each.emotion] += each.faces
            totals[spans[hour]] += each.faces
    moments = found.hours[::step]
    series = [
        Series(
            emotion.value,
            emotion.value,
            [counts[place, emotion] / max(totals[place], 1) for place in range(len(moments))],
        )
        for emotion in EMOTIONS
    ]
    title = f"Emotion mix by {_name_step(step)}"
    return draw_stacks(title, _label_hours(moments), series, show="{:.2f}".format, high=1.0, moments=moments)


def _draw_confidence(found: Dashboard) -> Chart:
    step, spans = _span(found.hours)
    faces, sums = Counter[int](), defaultdict[int, float](float)
    for hour, (count, confidence) in found.hour_totals.items():
        faces[spans[hour]] += count
        sums[spans[hour]] += confidence
    moments = found.hours[::step]
    means = [sums[place] / faces[place] if faces[place] else None for place in range(len(moments))]
    series = [Series("mean confidence", "accent", means)]
    title = f"Mean confidence by {_name_step(step)}"
    return draw_lines(title, _label_hours(moments), series, high=1.0, has_dots=True, moments=moments)


def _span(hours: Sequence[datetime]) -> tuple[int, dict[datetime, int]]:
    """Return how many hours each point of the charts spans, and the point of each hour."""
    step = max(1, ceil(len(hours) / _MOST_PLACES))
    return step, {hour: index // step for index, hour in enumerate(hours)}


def _name_step(step: int) -> str:
    return "hour" if step == 1 else f"{step} hours"


def _label_hours(hours: Sequence[datetime]) -> list[str]:
    return [f"{hour:%a %H:00}" for hour in hours]
