"""Which predictions reviewers have seen already, and which lists keep back, so that a blind vote is a blind one.

Lists keep back what the model says of a face of the random slice until it has its votes. A reviewer who opens the result of a job
sees it all the same; that is recorded, and their votes on its faces aren't blind.
"""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from db.core.session import Database
from db.core.upsert import insert_if_new
from db.core.vocabulary import ReviewSlice
from db.faces.tables import Face
from db.jobs.tables import Job
from db.reviews.tables import ResultView, ReviewItem

_IS_OPEN = (ReviewItem.slice == ReviewSlice.RANDOM, ReviewItem.closed_at.is_(None))


def list_hidden(session: Session, face_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of the faces that may still get a blind vote: no list shows a reviewer what the model says of them."""
    wanted = select(ReviewItem.face_id).where(ReviewItem.face_id.in_(tuple(face_ids)), *_IS_OPEN)
    return frozenset(session.scalars(wanted))


def record_result_view(database: Database, job_id: UUID, reviewer: str) -> None:
    """Remember that the reviewer has seen the job's result. Writes once, and only where a face may still get a blind vote."""
    open_face = select(Face.id).join(ReviewItem, ReviewItem.face_id == Face.id).where(Face.job_id == job_id, *_IS_OPEN)
    with database.read() as session:
        is_new = session.get(ResultView, (job_id, reviewer)) is None
        if not is_new or session.scalar(open_face.limit(1)) is None:
            return
    with suppress(IntegrityError), database.write() as session:  # of a job that was erased meanwhile
        insert_if_new(session, ResultView, job_id=job_id, reviewer=reviewer)


def has_seen_result(photo_sha256: InstrumentedAttribute[str] | str, reviewer: str) -> ColumnElement[bool]:
    """The condition that the reviewer has seen a result of any analysis of the photo."""
    job = aliased(Job)
    return exists().where(
        ResultView.job_id == job.id, job.photo_sha256 == photo_sha256, ResultView.reviewer == reviewer
    )
