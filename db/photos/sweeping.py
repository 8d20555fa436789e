"""Queries of the sweeper on photos: expired ones, and those without a job."""

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.core.types import utcnow
from db.jobs.tables import Job

_NAME = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-\d+)?")
"""Key of a photo: its job's id, and the number of the fetch unless it was the first."""


def list_purgeable_photos(session: Session, limit: int) -> list[tuple[UUID, str]]:
    """List job and blob key of each expired photo."""
    rows = session.execute(
        select(Job.id, Job.photo_key)
        .where(Job.purge_photo_at <= utcnow(), Job.photo_key.is_not(None))
        .order_by(Job.purge_photo_at)
        .limit(limit)
    )
    return [(job_id, key) for job_id, key in rows if key is not None]


def record_purged(session: Session, job_ids: Sequence[UUID]) -> None:
    """Record that the jobs' photos were deleted. Call it after deleting the blobs."""
    session.execute(update(Job).where(Job.id.in_(job_ids)).values(photo_key=None, purge_photo_at=None))


def find_unowned_photos(session: Session, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that are photo keys without a job. Other files in the store aren't ours to delete."""
    found = {key: job_id for key in keys if (job_id := _read_job_id(key)) is not None}
    owned = session.scalars(select(Job.photo_key).where(Job.id.in_(found.values())))
    return set(found) - {key for key in owned if key is not None}


def _read_job_id(key: str) -> UUID | None:
    found = _NAME.fullmatch(key.rsplit("/", 1)[1])
    return UUID(found[1]) if found else None
