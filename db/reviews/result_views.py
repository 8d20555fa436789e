"""Records which predictions reviewers have seen, so that blind votes are really blind.

Lists hide the prediction of a face of the random slice until it has its votes. A reviewer who opens a job's result sees it anyway;
this is recorded, and their votes on its faces aren't blind.
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
    """Return the faces that may still get a blind vote: lists hide their predictions from reviewers."""
    wanted = select(ReviewItem.face_id).where(ReviewItem.face_id.in_(tuple(face_ids)), *_IS_OPEN)
    return frozenset(session.scalars(wanted.with_hint(ReviewItem, BY_KEY, "sqlite")))


def record_result_views(database: Database, job_ids: Iterable[UUID], reviewer: str) -> None:
    """Record that the reviewer has seen the jobs' results.

    Writes at most once per job, and only if a face may still get a blind vote.
    """
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
            ):  # jobs erased in the meantime are skipped
                insert_if_new(session, ResultView, job_id=job_id, reviewer=reviewer)


def has_seen_result(photo_sha256: InstrumentedAttribute[str] | str, reviewer: str) -> ColumnElement[bool]:
    """Condition: the reviewer has seen a result of any analysis of the photo."""
    job = aliased(Job)
    return exists().where(
        ResultView.job_id == job.id, job.photo_sha256 == photo_sha256, ResultView.reviewer == reviewer
    )
