"""Drift: how faces and predictions of one period differ from those of a reference period.

A change may come from the photos, from the model, or from both.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import log

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Emotion, VoteChoice
from db.faces.hourly_counts import EmotionCount, ceil_hour, floor_hour, list_days, read_day
from db.reviews.statistics import Estimate, estimate_share, select_drawn
from db.reviews.tables import ReviewItem

NOTABLE_SHIFT = 0.1
LARGE_SHIFT = 0.25
"""Population stability index above which a shift is notable, and large: the rule of thumb of credit scoring."""

_CURRENT = timedelta(days=7)
_REFERENCE = timedelta(days=28)


@dataclass(frozen=True)
class Period:
    """From `since` (inclusive) to `before` (exclusive)."""

    since: datetime
    before: datetime


@dataclass
class Metrics:
    """Metrics of the faces of a period. confidence_sum, face_px_sum: sums over all faces; the size is a face's shorter side.

    judged: faces of the random slice, reviewed in their turn, whose label is an emotion; each counts once per period, on the day of
    its latest analysis. overridden: those whose label differs from the prediction.
    """

    emotions: dict[Emotion, int] = field(default_factory=lambda: dict.fromkeys(EMOTIONS, 0))
    confidence_sum: float = 0.0
    face_px_sum: int = 0
    labelled: int = 0
    overridden: int = 0

    @property
    def faces(self) -> int:
        """Number of faces."""
        return sum(self.emotions.values())

    @property
    def mean_confidence(self) -> float | None:
        """0 to 1; None without faces."""
        return self.confidence_sum / self.faces if self.faces else None

    @property
    def mean_face_px(self) -> float | None:
        """In pixels of the photo; None without faces."""
        return self.face_px_sum / self.faces if self.faces else None

    @property
    def override_rate(self) -> Estimate:
        """Share of reviewed faces for which reviewers chose another emotion, with its interval."""
        return estimate_share(self.overridden, self.labelled)

    def add(self, other: "Metrics") -> None:
        """Add the metrics of other faces."""
        for emotion, count in other.emotions.items():
            self.emotions[emotion] += count
        self.confidence_sum += other.confidence_sum
        self.face_px_sum += other.face_px_sum
        self.labelled += other.labelled
        self.overridden += other.overridden


@dataclass(frozen=True)
class Drift:
    """Two periods, and each day of both.

    emotion_shift: population stability index of the emotion mix, from 0 (equal) up; None if a period has no faces.
    """

    reference_period: Period
    current_period: Period
    reference: Metrics
    current: Metrics
    emotion_shift: float | None
    days: dict[date, Metrics]


def choose_periods(now: datetime | None = None) -> tuple[Period, Period]:
    """Return the default periods: the last seven days, and the four weeks before them."""
    now = now or utcnow()
    return Period(now - _CURRENT - _REFERENCE, now - _CURRENT), Period(now - _CURRENT, now)


def measure_drift(session: Session, reference: Period, current: Period) -> Drift:
    """Compare two periods. Reads hourly counts, and single faces only where a period begins or ends within an hour."""
    reference_days, current_days = _measure_days(session, reference), _measure_days(session, current)
    before, after = _sum(reference_days.values()), _sum(current_days.values())
    days: defaultdict[date, Metrics] = defaultdict(Metrics)
    for measured in (reference_days, current_days):
        for day, figures in measured.items():
            days[day].add(figures)
    return Drift(reference, current, before, after, measure_shift(before, after), dict(sorted(days.items())))


def measure_shift(before: Metrics, after: Metrics) -> float | None:
    """Return the population stability index of two emotion mixes. Half a face is added to each emotion to avoid zeros."""
    if not before.faces or not after.faces:
        return None
    shift = 0.0
    for emotion in EMOTIONS:
        expected = (before.emotions[emotion] + 0.5) / (before.faces + len(EMOTIONS) / 2)
        found = (after.emotions[emotion] + 0.5) / (after.faces + len(EMOTIONS) / 2)
        shift += (found - expected) * log(found / expected)
    return shift


def _measure_days(session: Session, period: Period) -> dict[date, Metrics]:
    days: defaultdict[date, Metrics] = defaultdict(Metrics)
    first, last = ceil_hour(period.since), floor_hour(period.before)
    if first < last:
        for day, counted in list_days(session, first, last):
            _add(days[day], counted)
    for edge in _cut_edges(period, first, last):
        for counted in _count_faces(session, edge):
            _add(days[edge.since.date()], counted)
    for found, emotion, label, count in session.execute(_select_labelled(period)):
        figures = days[read_day(found)]
        figures.labelled += count
        figures.overridden += count if label is not None and label.emotion is not emotion else 0
    return days


def _add(figures: Metrics, counted: EmotionCount) -> None:
    figures.emotions[counted.emotion] += counted.faces
    figures.confidence_sum += counted.confidence_sum
    figures.face_px_sum += counted.face_px_sum


def _cut_edges(period: Period, first: datetime, last: datetime) -> list[Period]:
    """Return the parts of a period outside of full hours. first, last: start and end of its full hours."""
    cut = (
        [Period(period.since, period.before)]
        if last < first
        else [Period(period.since, first), Period(last, period.before)]
    )
    return [edge for edge in cut if edge.since < edge.before]


def _count_faces(session: Session, edge: Period) -> list[EmotionCount]:
    """Count the faces of a period within one hour."""
    rows = session.execute(
        select(ReviewItem.emotion, func.count(), func.sum(ReviewItem.confidence), func.sum(ReviewItem.face_px))
        .where(ReviewItem.created_at >= edge.since, ReviewItem.created_at < edge.before)
        .group_by(ReviewItem.emotion)
    )
    return [EmotionCount(*row) for row in rows]


def _select_labelled(period: Period) -> Select[str | date, Emotion, VoteChoice | None, int]:
    """Select labels of the random slice, by day and predicted emotion."""
    drawn = select_drawn(ReviewItem.created_at >= period.since, ReviewItem.created_at < period.before).subquery()
    day = func.date(drawn.c.created_at)
    return (
        select(day, drawn.c.emotion, drawn.c.label, func.count())
        .where(drawn.c.label.in_([VoteChoice(emotion.value) for emotion in EMOTIONS]))
        .group_by(day, drawn.c.emotion, drawn.c.label)
    )


def _sum(days: Iterable[Metrics]) -> Metrics:
    total = Metrics()
    for figures in days:
        total.add(figures)
    return total
