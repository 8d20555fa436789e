"""The drift page: the last week against the weeks before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, render_template

from api.core.services import get_services
from api.web.charts import Chart, Series, draw_lines, draw_stacks
from api.web.formatting import NOTHING, format_share
from api.web.site import needs
from db.core.vocabulary import EMOTIONS, Emotion, Role
from db.monitoring.drift import LARGE_SHIFT, NOTABLE_SHIFT, Metrics, choose_periods, measure_drift

blueprint = Blueprint("drift", __name__)


@dataclass(frozen=True)
class Row:
    """A metric in both periods, formatted."""

    name: str
    reference: str
    current: str


@blueprint.get("/drift")
@needs(Role.VIEWER)
def show() -> str:
    """Show emotion mix, confidence, face size and override rate."""
    with get_services().database.read() as session:
        drift = measure_drift(session, *choose_periods())
    return render_template(
        "monitoring/drift.html",
        drift=drift,
        rows=_compare(drift.reference, drift.current),
        charts=_draw(drift.days),
        assessment=None if drift.emotion_shift is None else _assess(drift.emotion_shift),
    )


def _assess(shift: float) -> str:
    if shift >= LARGE_SHIFT:
        return "large"
    return "notable" if shift >= NOTABLE_SHIFT else "small"


def _compare(before: Metrics, after: Metrics) -> list[Row]:
    def row(name: str, show: Callable[[Metrics], str]) -> Row:
        return Row(name, show(before), show(after))

    return [
        row("faces", lambda found: f"{found.faces:,}"),
        row("mean confidence", lambda found: format_share(found.mean_confidence)),
        row("mean size of a face", lambda found: f"{found.mean_face_px:.0f} px" if found.mean_face_px else NOTHING),
        row("override rate", _show_override_rate),
        *(
            Row(emotion.value, format_share(_share(before, emotion)), format_share(_share(after, emotion)))
            for emotion in EMOTIONS
        ),
    ]


def _show_override_rate(found: Metrics) -> str:
    rate = found.override_rate
    if rate.share is None:
        return format_share(None)
    return f"{rate.share:.3f} ({rate.low:.3f} to {rate.high:.3f}, {rate.count} faces)"


def _share(found: Metrics, emotion: Emotion) -> float | None:
    return found.emotions[emotion] / found.faces if found.faces else None


def _draw(days: dict[date, Metrics]) -> Sequence[Chart]:
    labels = [f"{day:%d %b}" for day in days]
    found = list(days.values())
    mix = [Series(emotion.value, emotion.value, [_share(each, emotion) for each in found]) for emotion in EMOTIONS]

    def line(title: str, values: Sequence[float | None], high: float | None) -> Chart:
        return draw_lines(title, labels, [Series(title, "accent", values)], high=high, has_dots=True)

    return (
        draw_stacks("Emotion mix by day", labels, mix, show="{:.2f}".format, high=1.0),
        line("Mean confidence by day", [each.mean_confidence for each in found], 1.0),
        line("Mean size of a face by day, pixels", [each.mean_face_px for each in found], None),
        line("Override rate by day", [each.override_rate.share for each in found], 1.0),
    )
