"""What the dashboard counts: jobs by minute, failures by code, emotions by hour. Each reads one stretch of an index."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from db.models import Job
from db.models_review import ReviewItem
from db.vocabulary import TERMINAL_STATUSES, Emotion, JobStatus


@dataclass(frozen=True)
class MinuteCount:
    """How many jobs that were made in a minute have come to one end."""

    minute: datetime
    status: JobStatus
    count: int


@dataclass(frozen=True)
class FailureCount:
    """How many jobs failed with one code, and when the newest of them was made."""

    code: str
    count: int
    latest_at: datetime


@dataclass(frozen=True)
class EmotionCount:
    """How many faces of a stretch of time appear to express one emotion, and their mean confidence."""

    start: datetime
    emotion: Emotion
    count: int
    confidence: float


def count_jobs_by_minute(session: Session, since: datetime) -> list[MinuteCount]:
    """Jobs made at or after `since` that have ended, by the minute of their making and how they ended."""
    minute = _floor_epoch(session, Job.created_at, 60)
    rows = session.execute(
        select(minute, Job.status, func.count())
        .where(Job.id >= first_key(since), Job.status.in_(sorted(TERMINAL_STATUSES)))
        .group_by(minute, Job.status)
        .order_by(minute)
    )
    return [MinuteCount(datetime.fromtimestamp(epoch, UTC), status, count) for epoch, status, count in rows]


def count_failures(session: Session, since: datetime) -> list[FailureCount]:
    """Jobs made at or after `since` that failed, by code, commonest first."""
    rows = session.execute(
        select(Job.error_code, func.count(), func.max(Job.created_at))
        .where(Job.status == JobStatus.FAILED, Job.id >= first_key(since))
        .group_by(Job.error_code)
        .order_by(func.count().desc())
    )
    return [FailureCount(code or "", count, latest_at) for code, count, latest_at in rows]


def count_emotions(session: Session, since: datetime, step_s: int) -> list[EmotionCount]:
    """Faces stored at or after `since`, by emotion and by stretches of `step_s` seconds."""
    start = _floor_epoch(session, ReviewItem.created_at, step_s)
    rows = session.execute(
        select(start, ReviewItem.emotion, func.count(), func.avg(ReviewItem.confidence))
        .where(ReviewItem.created_at >= since)
        .group_by(start, ReviewItem.emotion)
        .order_by(start)
    )
    return [
        EmotionCount(datetime.fromtimestamp(epoch, UTC), emotion, count, float(confidence))
        for epoch, emotion, count, confidence in rows
    ]


def first_key(moment: datetime) -> UUID:
    """The least UUIDv7 of a moment: keys sort by time, so a bound on the key is a bound on the time (RFC 9562, 5.7)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _floor_epoch(session: Session, column: Any, step_s: int) -> ColumnElement[int]:
    """The column's moment in whole steps, as seconds since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        epoch: ColumnElement[int] = cast(func.strftime("%s", column), Integer)
    else:
        epoch = cast(func.floor(func.extract("epoch", column)), Integer)
    return epoch - epoch % step_s
