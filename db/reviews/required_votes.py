"""Updates the queue after a change of the number of votes that a label needs."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import ReviewSlice
from db.reviews.subjects import is_settled, lock_subjects_by_id
from db.reviews.tables import ReviewItem, ReviewSubject

_FACES_A_TRANSACTION = 500


def resettle_all(database: Database, least_votes: int) -> None:
    """Open and close queue entries for the current number of required votes. Reads all reviewed faces."""
    with database.read() as session:
        found = list_unsettled(session, least_votes)
    for start in range(0, len(found), _FACES_A_TRANSACTION):
        with database.write() as session:
            resettle(session, found[start : start + _FACES_A_TRANSACTION], least_votes)


def list_unsettled(session: Session, least_votes: int) -> Sequence[UUID]:
    """List faces of the uncertain slice that are closed with too few votes, or open with enough. Reads only reviewed faces."""
    is_short = and_(ReviewItem.closed_at.is_not(None), ReviewSubject.vote_count < least_votes)
    is_over = and_(
        ReviewItem.closed_at.is_(None),
        ReviewSubject.label.is_not(None),
        ReviewSubject.vote_count >= ReviewItem.votes_wanted,
        ReviewSubject.vote_count >= least_votes,
    )
    found = (
        select(ReviewItem.subject_id)
        .join(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(ReviewItem.slice == ReviewSlice.UNCERTAIN, ReviewItem.subject_id.is_not(None), or_(is_short, is_over))
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_judged", "sqlite")
    )
    return [subject_id for subject_id in session.scalars(found.distinct()) if subject_id is not None]


def resettle(session: Session, subject_ids: Sequence[UUID], least_votes: int) -> None:
    """Open or close the queue entries of these faces, as votes would; deleted faces are skipped."""
    subjects = {subject.id: subject for subject in lock_subjects_by_id(session, subject_ids)}
    places = select(ReviewItem).where(ReviewItem.subject_id.in_(subjects)).execution_options(populate_existing=True)
    for item in session.scalars(places):
        assert item.subject_id is not None
        is_closed = is_settled(item, subjects[item.subject_id], least_votes)
        item.closed_at = (item.closed_at or utcnow()) if is_closed else None
