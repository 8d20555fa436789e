"""Which predictions reviewers have seen already, and which lists keep back, so that a blind vote is a blind one.

Lists keep back what the model says of a face of the random slice until it has its votes. A reviewer who opens the result of a job,
as a page, document or picture, sees it all the same; that is recorded, and their votes on its faces aren't blind.
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
from db.reviews.paths import BY_KEY
from db.reviews.tables import ResultView, ReviewItem

_IS_OPEN = (ReviewItem.slice == ReviewSlice.RANDOM, ReviewItem.closed_at.is_(None))


def list_hidden(session: Session, face_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of the faces that may still get a blind vote: no list shows a reviewer what the model says of them."""
    wanted = select(ReviewItem.face_id).where(ReviewItem.face_id.in_(tuple(face_ids)), *_IS_OPEN)
    return frozenset(session.scalars(wanted.with_hint(ReviewItem, BY_KEY, "sqlite")))


def record_result_views(database: Database, job_ids: Iterable[UUID], reviewer: str) -> None:
    """Remember that the reviewer has seen the jobs' results. Writes once, and only where a face may still get a blind vote."""
    is_known = exists().where(ResultView.job_id == Face.job_id, ResultView.reviewer == reviewer)
    new = (
        select(Face.job_id)
        .distinct()
        .join(ReviewItem, ReviewItem.face_id == Face.id)
        .where(Face.job_id.in_(tuple(job_ids)), *_IS_OPEN, ~is_known)
        .with_hint(ReviewItem, BY_KEY, "sqlite")
    )
    with database.read() as session:
        found = session.scalars(new).all()
    if not found:
        return
    with database.write() as session:
        for job_id in found:
            with (
                suppress(IntegrityError),
                session.begin_nested(),
            ):  # of a job that was erased meanwhile nothing is stored
                insert_if_new(session, ResultView, job_id=job_id, reviewer=reviewer)


def has_seen_result(photo_sha256: InstrumentedAttribute[str] | str, reviewer: str) -> ColumnElement[bool]:
    """The condition that the reviewer has seen a result of any analysis of the photo."""
    job = aliased(Job)
    return exists().where(
        ResultView.job_id == job.id, job.photo_sha256 == photo_sha256, ResultView.reviewer == reviewer
    )
