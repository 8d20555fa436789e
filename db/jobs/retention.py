"""Erases old data: ended jobs with everything that belongs to them, and empty batches."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from db.core.blobs import BlobStore
from db.core.keys import first_key
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES
from db.jobs.erasure import erase_jobs
from db.jobs.tables import Batch, Job

_JOBS_A_TRANSACTION = 100
"""Jobs erased per transaction.

SQLite's write lock blocks all other writers; for this many jobs with a few faces each it is held for about 0.1 s.
"""


def count_old_jobs(session: Session, age_s: float) -> int:
    """Count ended jobs that were submitted more than `age_s` seconds ago."""
    return session.scalar(select(func.count()).select_from(Job).where(*_is_old(age_s))) or 0


def erase_old_jobs(
    database: Database, blobs: BlobStore, age_s: float, limit: int, *, jobs_a_transaction: int = _JOBS_A_TRANSACTION
) -> int:
    """Erase at most `limit` ended jobs that were submitted more than `age_s` seconds ago, oldest first, as `erase_jobs` does.

    Each transaction erases `jobs_a_transaction`, their photos first, so that a later call finds what a crash or error left.
    Batches that become empty are deleted too.
    Returns how many jobs were erased.
    Raises BlobStoreUnavailable.
    """
    with database.read() as session:
        old = _list_old_jobs(session, age_s, limit)
    count = 0
    for start in range(0, len(old), jobs_a_transaction):
        chunk = old[start : start + jobs_a_transaction]
        blobs.delete_many([photo_key for _, photo_key in chunk if photo_key is not None])
        with database.write() as session:
            count += erase_jobs(session, [job_id for job_id, _ in chunk], skips_locked=True)
    if old:
        with database.write() as session:
            _forget_empty_batches(session, age_s)
    return count


def _list_old_jobs(session: Session, age_s: float, limit: int) -> Sequence[tuple[UUID, str | None]]:
    rows = session.execute(select(Job.id, Job.photo_key).where(*_is_old(age_s)).order_by(Job.id).limit(limit))
    return [(job_id, photo_key) for job_id, photo_key in rows]


def _is_old(age_s: float) -> tuple[ColumnElement[bool], ...]:
    """Match by the key, which sorts by time of submission, so that the index on status can be used."""
    return (Job.status.in_(TERMINAL_STATUSES), Job.id < first_key(utcnow(), -age_s))


def _forget_empty_batches(session: Session, age_s: float) -> None:
    """Delete empty batches, which still contain names of refused photos. A batch that is still being filled isn't that old."""
    has_jobs = exists().where(Job.batch_id == Batch.id)
    session.execute(delete(Batch).where(Batch.created_at < utcnow() - timedelta(seconds=age_s), ~has_jobs))
