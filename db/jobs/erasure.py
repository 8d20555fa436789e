"""Erasing: what is gone afterwards is gone from every table."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.faces.hourly_counts import count_out
from db.faces.tables import Face
from db.jobs.tables import Job
from db.reviews.subjects import erase_orphans, list_subject_ids, lock_subjects
from db.reviews.tables import ReviewItem


def erase_job(session: Session, job_id: UUID) -> bool:
    """Delete a job with its faces, crops, events, callback and idempotency keys. Returns whether it was there.

    Reviewers' votes on its faces go too, and with them the rows that teach the next model, unless the same photo was analysed
    in another job that is still there. Delete the photo's blob first: if that fails the job is still there, and the erasure
    can be repeated. A worker that holds the job finds its claim gone.
    """
    # Holding the row keeps a worker from adding faces between here and the deletion.
    photo_sha256 = session.scalar(select(Job.photo_sha256).where(Job.id == job_id).with_for_update())
    if photo_sha256 is None:
        return False
    lock_subjects(session, photo_sha256)
    subject_ids = list_subject_ids(session, job_id)
    in_job = select(ReviewItem).join(Face, Face.id == ReviewItem.face_id).where(Face.job_id == job_id)
    items = session.scalars(in_job).all()
    session.execute(delete(Job).where(Job.id == job_id))
    erase_orphans(session, subject_ids)
    count_out(session, items)
    return True
