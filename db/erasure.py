"""Erasing: what is gone afterwards is gone from every table."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session

from db.models import Job
from db.review_subjects import erase_orphans, list_subject_ids


def erase_job(session: Session, job_id: UUID) -> bool:
    """Delete a job with its faces, crops, events, callback and idempotency keys. Returns whether it was there.

    Reviewers' votes on its faces go too, and with them the rows that teach the next model, unless the same photo was analysed
    in another job that is still there. Delete the photo's blob first: if that fails the job is still there, and the erasure
    can be repeated. A worker that holds the job finds its claim gone.
    """
    subject_ids = list_subject_ids(session, job_id)
    statement = delete(Job).where(Job.id == job_id)
    was_there = cast("CursorResult[Any]", session.execute(statement)).rowcount == 1
    erase_orphans(session, subject_ids)
    return was_there
