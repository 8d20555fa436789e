"""Drift: how faces and predictions change over time, against a reference period."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, model_validator

from api.core.authentication import protect
from api.core.field_types import Time
from api.core.fields import Moment, TextFields
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.reviews.schemas import ShareEstimate, estimate_to_schema
from db.core.vocabulary import Scope
from db.monitoring.drift import Drift, Metrics, Period, choose_periods, measure_drift

blueprint = APIBlueprint("drift", __name__, url_prefix="/v1/drift", tag="Reviews")
protect(blueprint, Scope.REVIEW, users_may_read=True)


_Edge = Annotated[Moment, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))]
"""A time with room for the periods before it and the hour after it."""


class DriftQuery(TextFields):
    """Which periods to compare. Default: the last seven days against the four weeks before them."""

    reference_from: Annotated[_Edge | None, Field(description="Start of the reference period.")] = None
    current_from: Annotated[
        _Edge | None, Field(description="End of the reference period and start of the current one.")
    ] = None
    current_before: Annotated[_Edge | None, Field(description="End of the current period. Default: now.")] = None

    @model_validator(mode="after")
    def _is_ordered(self) -> "DriftQuery":
        reference, current = self.choose()
        if not reference.since < reference.before <= current.since < current.before:
            raise ValueError("the reference period must begin before the current one, and that before its end")
        return self

    def choose(self) -> tuple[Period, Period]:
        """Return the periods, with defaults for missing values."""
        reference, current = choose_periods(self.current_before)
        middle = self.current_from or current.since
        return Period(self.reference_from or reference.since, middle), Period(middle, current.before)


class PeriodMetrics(BaseModel):
    """Metrics of the faces of a period."""

    faces: int = Field(examples=[5210])
    emotions: dict[str, int] = Field(examples=[{"happy": 2100, "neutral": 1800}])
    mean_confidence: float | None = Field(examples=[0.78])
    mean_face_px: float | None = Field(description="Mean shorter side of a face, in pixels.", examples=[112.0])
    override_rate: ShareEstimate = Field(
        description="Share of reviewed faces in the random slice for which reviewers chose another emotion."
    )


class DayMetrics(PeriodMetrics):
    """Metrics of the faces of one day, in UTC."""

    day: date = Field(examples=["2026-03-01"])


class DriftReport(BaseModel):
    """Metrics of two periods, and of each of their days."""

    reference_from: Time
    current_from: Time
    current_before: Time
    reference: PeriodMetrics
    current: PeriodMetrics
    emotion_shift: float | None = Field(
        description="Population stability index of the emotion mix: 0 is the same; from 0.1 notable, from 0.25 large.",
        examples=[0.04],
    )
    days: list[DayMetrics]


class DriftDays(BaseModel):
    """Days with faces of both periods, oldest first."""

    items: list[DayMetrics]


@blueprint.get("")
@blueprint.input(DriftQuery, location="query", arg_name="query")
@blueprint.output(DriftReport, description="Both periods, and each day.")
@blueprint.doc(
    summary="What changes over time",
    description="Emotion mix, confidence, face size and override rate, of a current and a reference period.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def read_drift(query: DriftQuery) -> Response:
    """Compare two periods."""
    with get_services().database.read() as session:
        drift = measure_drift(session, *query.choose())
    return respond(_show(drift))


@blueprint.get("/days")
@blueprint.input(DriftQuery, location="query", arg_name="query")
@blueprint.output(DriftDays, description="Each day of both periods.")
@blueprint.doc(
    summary="List what changes by day",
    description="The `days` of the comparison as a list, which can be downloaded.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def list_drift_days(query: DriftQuery) -> Response:
    """List the days of two periods."""
    with get_services().database.read() as session:
        drift = measure_drift(session, *query.choose())
    return respond(DriftDays(items=_show(drift).days))


def _show(drift: Drift) -> DriftReport:
    return DriftReport(
        reference_from=drift.reference_period.since,
        current_from=drift.current_period.since,
        current_before=drift.current_period.before,
        reference=PeriodMetrics(**_read(drift.reference)),
        current=PeriodMetrics(**_read(drift.current)),
        emotion_shift=drift.emotion_shift,
        days=[DayMetrics(day=day, **_read(figures)) for day, figures in drift.days.items()],
    )


def _read(figures: Metrics) -> dict[str, Any]:
    return {
        "faces": figures.faces,
        "emotions": {emotion.value: count for emotion, count in figures.emotions.items()},
        "mean_confidence": figures.mean_confidence,
        "mean_face_px": figures.mean_face_px,
        "override_rate": estimate_to_schema(figures.override_rate),
    }
