"""Hourly counts of faces and sums of their values, so that charts needn't count a million rows.

A face is added in the transaction that stores it and subtracted in the one that erases it. Each hour and emotion has a few rows, of
which a transaction changes a random one, so that workers seldom wait for one another.
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
"""Rows per hour and emotion."""

_HOUR = timedelta(hours=1)
_chance = SystemRandom()


class StoredFace(Protocol):
    """The values of a face that are counted. face_px: the shorter side of its box."""

    created_at: datetime
    emotion: Emotion
    confidence: float
    face_px: int


@dataclass(frozen=True)
class EmotionCount:
    """Number of faces with one emotion, and sums of their values."""

    emotion: Emotion
    faces: int
    confidence_sum: float
    face_px_sum: int


def count_in(session: Session, faces: Iterable[StoredFace], chance: Random = _chance) -> None:
    """Add new faces. Call it last in a transaction, because its rows are shared with other workers."""
    _change(session, faces, 1, chance.randrange(LANES))


def count_out(session: Session, faces: Iterable[StoredFace], chance: Random = _chance) -> None:
    """Subtract erased faces."""
    _change(session, faces, -1, chance.randrange(LANES))


def list_hours(session: Session, since: datetime) -> list[tuple[datetime, EmotionCount]]:
    """List the counts of each hour from `since` on, which is a full hour, in order."""
    statement = _sum_up(FaceHour.hour).where(FaceHour.hour >= since)
    return [(hour, EmotionCount(*sums)) for hour, *sums in session.execute(statement)]


def list_days(session: Session, since: datetime, before: datetime) -> list[tuple[date, EmotionCount]]:
    """List the counts of each day (UTC), in order. since, before: full hours; only the hours between them count."""
    statement = _sum_up(func.date(FaceHour.hour)).where(FaceHour.hour >= since, FaceHour.hour < before)
    return [(read_day(day), EmotionCount(*sums)) for day, *sums in session.execute(statement)]


def read_day(found: str | date) -> date:
    """Convert the result of func.date, which is text on SQLite."""
    return date.fromisoformat(found) if isinstance(found, str) else found


def floor_hour(moment: datetime) -> datetime:
    """Return the start of the hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def ceil_hour(moment: datetime) -> datetime:
    """Return the start of the hour, or of the next one if the time isn't a full hour."""
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
    # In a fixed order, so that two transactions can't deadlock.
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
    columns = get_table(
        FaceHour
    ).c  # the class's own attributes would make it a statement of the ORM, which takes longer
    sums = ("faces", "confidence_sum", "face_px_sum")
    return statement.on_conflict_do_update(
        index_elements=[columns.hour, columns.emotion, columns.lane],
        set_={name: columns[name] + statement.excluded[name] for name in sums},
    )


_UPSERTS = {
    "sqlite": _make_upsert(sqlite.insert(get_table(FaceHour))),
    "postgresql": _make_upsert(postgresql.insert(get_table(FaceHour))),
}
"""Both databases support the statement; SQLAlchemy has a function for each."""
