"""Reads jobs: one, a page, counts."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, bindparam, false, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, joinedload, selectinload

from db.accounts.tables import Application
from db.core.keys import first_key
from db.core.rows import list_columns, make_object
from db.core.vocabulary import Emotion, JobStatus
from db.faces.queries import version_number
from db.faces.tables import Face
from db.jobs.tables import Job, JobEvent
from db.model_versions.tables import ModelVersion

NEWEST_NAMED = 20_000
"""Number of newest jobs whose file names are searched."""

_SUBMISSION_S = 3600
"""Upper bound of the time between creating a job's key and its row. Older photos without a row are deleted."""

PARTS = joinedload(Job.application), selectinload(Job.faces).options(version_number)
"""Columns that are shown with a job."""


@dataclass(frozen=True)
class JobDuration:
    """Duration of a job that succeeded. waiting_s: from creation to its last start; running_s: from there to the end."""

    waiting_s: float
    running_s: float
    finished_at: datetime


@dataclass(frozen=True)
class Origin:
    """The request that created a job: its id, and its trace if traced."""

    request_id: str | None
    traceparent: str | None


UNKNOWN_ORIGIN = Origin(None, None)


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Filter of jobs; None doesn't restrict. Times: since is inclusive, before is exclusive."""

    application_id: UUID | None = None
    status: JobStatus | None = None
    error_code: str | None = None
    emotion: Emotion | None = None
    batch_id: UUID | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None
    """An id or a photo's SHA-256, complete, or a part of a file name, searched in the NEWEST_NAMED newest jobs."""


_JOB_COLUMNS = list_columns(Job)
_FACE_COLUMNS = list_columns(Face, "crop")
_FIND_JOB = (
    select(*_JOB_COLUMNS, Application.__table__.c.name)
    .join_from(Job.__table__, Application.__table__)
    .where(Job.__table__.c.id == bindparam("job_id"))
)
_FIND_FACES = (
    select(*_FACE_COLUMNS, ModelVersion.__table__.c.number)
    .join_from(Face.__table__, ModelVersion.__table__)
    .where(Face.__table__.c.job_id == bindparam("job_id"))
    .order_by(Face.__table__.c.position)
)


def find_origin(session: Session, job_id: UUID) -> Origin:
    """Return the request that created a job; empty if the job was erased."""
    found = session.execute(select(Job.request_id, Job.traceparent).where(Job.id == job_id)).first()
    return Origin(*found) if found else UNKNOWN_ORIGIN


def get_job(source: Connection | Session, job_id: UUID, application_id: UUID | None = None) -> Job | None:
    """Return the job with its application and faces, or None. application_id: only among that application's jobs.

    The result belongs to no session: see db/core/rows.py.
    """
    found = source.execute(_FIND_JOB, {"job_id": job_id}).first()
    if found is None:
        return None
    values = {column.key: value for column, value in zip(_JOB_COLUMNS, found, strict=False)}
    if application_id is not None and values["application_id"] != application_id:
        return None
    faces = _list_faces(source, job_id) if values["face_count"] else []
    if len(faces) != (values["face_count"] or 0):  # erased between the two statements
        return None
    application = make_object(Application, {"id": values["application_id"], "name": found[-1]})
    return make_object(Job, values, application=application, faces=faces)


def _list_faces(source: Connection | Session, job_id: UUID) -> list[Face]:
    faces = []
    for row in source.execute(_FIND_FACES, {"job_id": job_id}):
        values = {column.key: value for column, value in zip(_FACE_COLUMNS, row, strict=False)}
        version = make_object(ModelVersion, {"id": values["model_version_id"], "number": row[-1]})
        faces.append(make_object(Face, values, model_version=version))
    return faces


def list_jobs(session: Session, wanted: JobFilter, *, limit: int, before: UUID | None = None) -> list[Job]:
    """List at most `limit` jobs with their applications and faces, newest first.

    before: the last job of the previous page. Keys sort by time, so pages stay stable while jobs are added, and time filters
    restrict the key, because times have no index.
    """
    statement = select(Job).options(*PARTS).order_by(Job.id.desc()).limit(limit)
    return list(session.scalars(restrict(statement, wanted, before)))


def restrict(
    statement: Select[*tuple[Any, ...]], wanted: JobFilter, before: UUID | None = None
) -> Select[*tuple[Any, ...]]:
    """Add a filter to a statement on jobs. before: only jobs with a smaller key."""
    if wanted.application_id is not None:
        statement = statement.where(Job.application_id == wanted.application_id)
    if wanted.status is not None:
        statement = statement.where(Job.status == wanted.status)
    if wanted.error_code is not None:
        statement = statement.where(Job.error_code == wanted.error_code)
    if wanted.batch_id is not None:
        statement = statement.where(Job.batch_id == wanted.batch_id)
    statement = _restrict_times(statement, wanted, before)
    if wanted.text is not None:
        statement = statement.where(_match_text(wanted.text))
    if wanted.error_code is not None and wanted.status not in {None, JobStatus.FAILED, JobStatus.CANCELED}:
        # only those have a code; without this a search would read all jobs with that code
        return statement.where(false())
    if wanted.emotion is not None and (wanted.error_code or wanted.status not in {None, JobStatus.SUCCEEDED}):
        # faces exist only for jobs that succeeded; without this a search would read all of them
        return statement.where(false())
    if wanted.emotion is not None:
        statement = statement.where(
            select(Face.id).where(Face.job_id == Job.id, Face.emotion == wanted.emotion).exists()
        )
    return statement


def _restrict_times(
    statement: Select[*tuple[Any, ...]], wanted: JobFilter, before: UUID | None
) -> Select[*tuple[Any, ...]]:
    if wanted.created_from is not None:
        earliest = first_key(wanted.created_from, -_SUBMISSION_S)
        statement = statement.where(Job.id >= earliest, Job.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        latest = first_key(wanted.created_before, _SUBMISSION_S)
        # one upper bound: SQLite would search by either of two, and read all jobs between them
        before = latest if before is None else min(before, latest)
        statement = statement.where(Job.created_at < wanted.created_before)
    if before is not None:
        statement = statement.where(Job.id < before)
    return statement


def _match_text(text: str) -> ColumnElement[bool]:
    """Match an id, a digest, or a part of a file name. File names have no index, so only the newest jobs are searched."""
    if re.fullmatch("[0-9a-fA-F]{64}", text):
        # restricted by key, which every index of jobs ends with; otherwise SQLite would read all jobs of a status or application
        same = aliased(Job)
        return Job.id.in_(select(same.id).where(same.photo_sha256 == text.lower()))
    try:
        return Job.id == UUID(text)
    except ValueError:
        # as a range of keys; with a list of keys, PostgreSQL would read the names of all jobs first
        other = aliased(Job)
        oldest = select(other.id).order_by(other.id.desc()).offset(NEWEST_NAMED - 1).limit(1).scalar_subquery()
        is_new = Job.id >= func.coalesce(oldest, UUID(int=0), type_=other.id.type)
        return is_new & Job.filename.icontains(text, autoescape=True)


def list_events(session: Session, job_id: UUID) -> Sequence[JobEvent]:
    """List every transition of a job, oldest first."""
    return session.scalars(select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.id)).all()


def count_jobs(session: Session, statuses: Collection[JobStatus] = tuple(JobStatus)) -> dict[JobStatus, int]:
    """Count the jobs in each of these statuses. Reads one index entry per job: see api/monitoring/job_counts.py."""
    wanted = select(Job.status, func.count()).where(Job.status.in_(statuses)).group_by(Job.status)
    counted = dict(session.execute(wanted).all())
    return {status: counted.get(status, 0) for status in statuses}


def oldest_queued_at(session: Session) -> datetime | None:
    """Return the creation time of the oldest queued job, or None."""
    return session.scalar(select(Job.created_at).where(Job.status == JobStatus.QUEUED).order_by(Job.id).limit(1))


def list_recent_timings(session: Session, limit: int, finished_since: datetime) -> list[dict[str, float]]:
    """Return milliseconds by step of the newest `limit` jobs that succeeded, limited to those that ended since then."""
    rows = session.execute(_select_newest(limit, finished_since, Job.timings_ms))
    return [taken for (taken,) in rows if taken]


def list_recent_durations(session: Session, limit: int, finished_since: datetime | None = None) -> list[JobDuration]:
    """Return the durations of the newest `limit` jobs that succeeded, limited to those that ended since then."""
    rows = session.execute(_select_newest(limit, finished_since, Job.created_at, Job.started_at, Job.finished_at))
    return [
        JobDuration((started - created).total_seconds(), (finished - started).total_seconds(), finished)
        for created, started, finished in rows
        if started is not None and finished is not None
    ]


def _select_newest(limit: int, finished_since: datetime | None, *columns: InstrumentedAttribute[Any]) -> Select[Any]:
    """Select columns of the newest `limit` jobs that succeeded.

    The database drops those that ended before: reading a thousand rows takes it a tenth of the time that fetching them takes.
    """
    succeeded = Job.status == JobStatus.SUCCEEDED
    if finished_since is None:
        return select(*columns).where(succeeded).order_by(Job.id.desc()).limit(limit)
    newest = select(Job.id, Job.finished_at, *columns).where(succeeded).order_by(Job.id.desc()).limit(limit).subquery()
    wanted = [newest.c[column.key] for column in columns]
    return select(*wanted).where(newest.c.finished_at >= finished_since).order_by(newest.c.id.desc())
