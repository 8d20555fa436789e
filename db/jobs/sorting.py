"""Sorted lists of jobs, in other orders than newest first."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.jobs.queries import PARTS, JobFilter, restrict
from db.jobs.tables import Job

SORTED_JOBS = 2_000
"""Number of newest matching jobs that are sorted. Duration has no index, because every submission would have to update it."""


class JobOrder(StrEnum):
    """Sort order of a list of jobs."""

    NEWEST = "newest"
    OLDEST = "oldest"
    MOST_FACES = "most_faces"
    LONGEST = "longest"


def _count_faces(row: Any) -> float:
    return float(row.face_count or 0)


def _measure_duration(row: Any) -> float:
    return float(((row.finished_at - row.created_at) if row.finished_at else timedelta()).total_seconds())


_KEYS: dict[JobOrder, Callable[[Any], float]] = {
    JobOrder.MOST_FACES: _count_faces,
    JobOrder.LONGEST: _measure_duration,
}


def list_sorted_jobs(
    session: Session,
    wanted: JobFilter,
    order: JobOrder,
    *,
    limit: int,
    offset: int = 0,
    sorted_jobs: int = SORTED_JOBS,
) -> list[Job]:
    """List at most `limit` jobs with their applications and faces, after the first `offset`; ties are newest first.

    `oldest` sorts all jobs; the other orders sort the `sorted_jobs` newest matching ones.
    """
    if order in {JobOrder.NEWEST, JobOrder.OLDEST}:
        by_age = Job.id.asc() if order is JobOrder.OLDEST else Job.id.desc()
        statement = select(Job).options(*PARTS).order_by(by_age).offset(offset).limit(limit)
        return list(session.scalars(restrict(statement, wanted)))
    columns = (Job.id, Job.created_at, Job.finished_at, Job.face_count)
    rows = session.execute(restrict(select(*columns).order_by(Job.id.desc()).limit(sorted_jobs), wanted)).all()
    ids = [row.id for row in sorted(rows, key=_KEYS[order], reverse=True)[offset : offset + limit]]
    found = {job.id: job for job in session.scalars(select(Job).options(*PARTS).where(Job.id.in_(ids)))}
    return [found[job_id] for job_id in ids if job_id in found]
