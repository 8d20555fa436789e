"""Erases jobs from every table."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.core.vocabulary import TERMINAL_STATUSES, JobStatus
from db.faces.hourly_counts import count_out
from db.faces.tables import Face
from db.jobs.batches import count_ended
from db.jobs.tables import Job
from db.reviews.subjects import erase_orphans, list_subject_ids, lock_subjects_of
from db.reviews.tables import ReviewItem


def erase_job(session: Session, job_id: UUID) -> bool:
    """Delete a job as erase_jobs does. Returns whether it existed."""
    return erase_jobs(session, [job_id]) == 1


def erase_jobs(session: Session, job_ids: Sequence[UUID], *, skips_locked: bool = False) -> int:
    """Delete jobs with their faces, crops, events, callbacks and idempotency keys. Returns how many existed.

    Votes on their faces are deleted too, and with them corrections for training, unless another existing job analysed the same
    photo. Delete the photos' blobs first: if that fails, the jobs still exist and the erasure can be repeated. A worker that holds
    a job finds its claim invalid. skips_locked: leave out jobs that another transaction has locked, such as another sweep
    (PostgreSQL).
    """
    # The lock keeps workers from adding faces before the deletion.
    held = session.execute(
        select(Job.id, Job.photo_sha256, Job.batch_id, Job.status)
        .where(Job.id.in_(job_ids))
        .order_by(Job.id)
        .with_for_update(skip_locked=skips_locked)
    ).all()
    if not held:
        return 0
    ids = [job_id for job_id, *_ in held]
    lock_subjects_of(session, (photo_sha256 for _, photo_sha256, *_ in held))
    subject_ids = list_subject_ids(session, ids)
    in_jobs = select(ReviewItem).join(Face, Face.id == ReviewItem.face_id).where(Face.job_id.in_(ids))
    items = session.scalars(in_jobs).all()
    session.execute(delete(Job).where(Job.id.in_(ids)), execution_options={"synchronize_session": False})
    erase_orphans(session, subject_ids)
    count_out(session, items)
    _count_in_batches(session, [(batch_id, status) for _, _, batch_id, status in held if batch_id is not None])
    return len(ids)


def _count_in_batches(session: Session, erased: Sequence[tuple[UUID, JobStatus]]) -> None:
    by_batch: dict[UUID, Counter[str]] = {}
    for batch_id, status in erased:
        changes = by_batch.setdefault(batch_id, Counter())
        changes["erased"] += 1
        if status in TERMINAL_STATUSES:
            changes[status.value] -= 1
    for batch_id in sorted(by_batch):
        count_ended(session, batch_id, **by_batch[batch_id])
