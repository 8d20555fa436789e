"""How many faces were stored in each hour, and what they were like, so that nobody counts a million rows to draw a chart.

A face is counted in the transaction that stores it, and taken out in the one that erases it. Each hour and emotion has a few
rows of which a transaction changes one: two workers that end at once seldom wait for one another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random, SystemRandom
from typing import Any, Protocol

from sqlalchemy import BigInteger, ColumnElement, Insert, Select, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.core.rows import get_table
from db.core.vocabulary import Emotion
from db.faces.tables import FaceHour

LANES = 4
"""Rows of each hour and emotion."""

_HOUR = timedelta(hours=1)
_chance = SystemRandom()


class StoredFace(Protocol):
    """What is counted of a face. face_px: the shorter side of its box."""

    created_at: datetime
    emotion: Emotion
    confidence: float
    face_px: int


@dataclass(frozen=True)
class EmotionCount:
    """How many faces appear to express one emotion, and the sums over them."""

    emotion: Emotion
    faces: int
    confidence_sum: float
    face_px_sum: int


def count_in(session: Session, faces: Iterable[StoredFace], chance: Random = _chance) -> None:
    """Count new faces. Call it last in a transaction, since its rows are shared with other workers."""
    _change(session, faces, 1, chance.randrange(LANES))


def count_out(session: Session, faces: Iterable[StoredFace], chance: Random = _chance) -> None:
    """Take erased faces out of the counts."""
    _change(session, faces, -1, chance.randrange(LANES))


def list_hours(session: Session, since: datetime) -> list[tuple[datetime, EmotionCount]]:
    """Counts of each hour from `since` on, a full hour; hours in order."""
    statement = _sum_up(FaceHour.hour).where(FaceHour.hour >= since)
    return [(hour, EmotionCount(*sums)) for hour, *sums in session.execute(statement)]


def list_days(session: Session, since: datetime, before: datetime) -> list[tuple[date, EmotionCount]]:
    """Counts of each day in UTC, days in order. since, before: full hours; of their days only the hours between them count."""
    statement = _sum_up(func.date(FaceHour.hour)).where(FaceHour.hour >= since, FaceHour.hour < before)
    return [(read_day(day), EmotionCount(*sums)) for day, *sums in session.execute(statement)]


def read_day(found: str | date) -> date:
    """What func.date gives; SQLite gives text."""
    return date.fromisoformat(found) if isinstance(found, str) else found


def floor_hour(moment: datetime) -> datetime:
    """The full hour that the moment is in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def ceil_hour(moment: datetime) -> datetime:
    """The first full hour that isn't before the moment."""
    hour = floor_hour(moment)
    return hour if hour == moment else hour + _HOUR


def _change(session: Session, faces: Iterable[StoredFace], sign: int, lane: int) -> None:
    rows: dict[tuple[datetime, Emotion], dict[str, float]] = {}
    for face in faces:
        row = rows.setdefault(
            (floor_hour(face.created_at), face.emotion), {"faces": 0, "confidence_sum": 0.0, "face_px_sum": 0}
        )
        row["faces"] += sign
        row["confidence_sum"] += sign * face.confidence
        row["face_px_sum"] += sign * face.face_px
    if not rows:
        return
    # Always in the same order, or two transactions could each wait for the other's row.
    values = [{"hour": hour, "emotion": emotion, "lane": lane, **rows[hour, emotion]} for hour, emotion in sorted(rows)]
    session.flush()
    session.execute(_UPSERTS[session.get_bind().dialect.name], values)


def _sum_up(start: ColumnElement[Any] | InstrumentedAttribute[datetime]) -> Select[Any, Emotion, int, float, int]:
    sums = (
        func.sum(FaceHour.faces),
        func.sum(FaceHour.confidence_sum),
        cast(func.sum(FaceHour.face_px_sum), BigInteger),
    )
    statement = select(start, FaceHour.emotion, *sums).group_by(start, FaceHour.emotion).order_by(start)
    return statement.having(func.sum(FaceHour.faces) > 0)


def _make_upsert(statement: sqlite.Insert | postgresql.Insert) -> Insert:
    sums = (FaceHour.faces, FaceHour.confidence_sum, FaceHour.face_px_sum)
    return statement.on_conflict_do_update(
        index_elements=[FaceHour.hour, FaceHour.emotion, FaceHour.lane],
        set_={column.key: column + statement.excluded[column.key] for column in sums},
    )


_UPSERTS = {
    "sqlite": _make_upsert(sqlite.insert(get_table(FaceHour))),
    "postgresql": _make_upsert(postgresql.insert(get_table(FaceHour))),
}
"""Both databases know the statement, and SQLAlchemy has one for each."""
