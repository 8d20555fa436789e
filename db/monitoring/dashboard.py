"""Job counts for the dashboard: by minute, and failures by code. Each query reads one range of an index."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from db.core.keys import first_key
from db.core.vocabulary import TERMINAL_STATUSES, Emotion, JobStatus
from db.jobs.tables import Job
from db.reviews.tables import ReviewItem


@dataclass(frozen=True)
class MinuteCount:
    """Number of jobs created in a minute that ended with the same status."""

    minute: datetime
    status: JobStatus
    count: int


@dataclass(frozen=True)
class FailureCount:
    """Number of jobs that failed with the same code, and creation time of the newest."""

    code: str
    count: int
    latest_at: datetime


def count_jobs_by_minute(session: Session, since: datetime) -> list[MinuteCount]:
    """Count ended jobs created at or after `since`, by minute of creation and status."""
    minute = _floor_minute(session)
    rows = session.execute(
        select(minute, Job.status, func.count())
        .where(Job.id >= first_key(since), Job.status.in_(sorted(TERMINAL_STATUSES)))
        .group_by(minute, Job.status)
        .order_by(minute)
    )
    return [MinuteCount(datetime.fromtimestamp(epoch, UTC), status, count) for epoch, status, count in rows]


def count_failures(session: Session, since: datetime) -> list[FailureCount]:
    """Count failed jobs created at or after `since`, by code, most frequent first."""
    rows = session.execute(
        select(Job.error_code, func.count(), func.max(Job.created_at))
        .where(Job.status == JobStatus.FAILED, Job.id >= first_key(since))
        .group_by(Job.error_code)
        .order_by(func.count().desc())
    )
    return [FailureCount(code or "", count, latest_at) for code, count, latest_at in rows]


@dataclass(frozen=True)
class NewFace:
    """A crop with its prediction. confidence: 0 to 1."""

    face_id: UUID
    emotion: Emotion
    confidence: float


def list_newest_faces(session: Session, limit: int) -> list[NewFace]:
    """List the latest stored faces, newest first; read from an index."""
    columns = (ReviewItem.face_id, ReviewItem.emotion, ReviewItem.confidence)
    rows = session.execute(select(*columns).order_by(ReviewItem.created_at.desc()).limit(limit))
    return [NewFace(*row) for row in rows]


def average_minutes(counts: Iterable[MinuteCount], now: datetime, minutes: int) -> float:
    """Return the mean of the last `minutes` complete minutes. The current minute doesn't count."""
    end = now.replace(second=0, microsecond=0)
    since = end - timedelta(minutes=minutes)
    return sum(each.count for each in counts if since <= each.minute < end) / minutes


def _floor_minute(session: Session) -> ColumnElement[int]:
    """Return the minute of a job's creation, in seconds since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        epoch: ColumnElement[int] = cast(func.strftime("%s", Job.created_at), Integer)
    else:
        epoch = cast(func.floor(func.extract("epoch", Job.created_at)), Integer)
    return epoch - epoch % 60
