"""The activity of each reviewer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from db.core.keys import first_key
from db.core.vocabulary import VoteChoice
from db.reviews.tables import ReviewSubject, ReviewVote


@dataclass(frozen=True)
class ReviewerProgress:
    """A reviewer's current votes of a period. shared: on faces that have a label and votes of others. agreed: those of them that
    match the label.

    latest_at: of the last vote.
    """

    reviewer: str
    votes: int
    today: int
    skips: int
    blind: int
    shared: int
    agreed: int
    latest_at: datetime


def list_progress(session: Session, *, since: datetime, today: datetime) -> list[ReviewerProgress]:
    """List each reviewer's votes since then, most votes first. today: start of the day."""

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    is_shared = (ReviewSubject.vote_count > 1) & ReviewSubject.label.is_not(None)
    is_vote = ReviewVote.choice != VoteChoice.SKIP
    rows = session.execute(
        select(
            ReviewVote.reviewer,
            func.count(),
            count(ReviewVote.at >= today),
            count(ReviewVote.choice == VoteChoice.SKIP),
            count(ReviewVote.is_blind.is_(True)),
            count(is_shared & is_vote),
            count(is_shared & is_vote & (ReviewVote.choice == ReviewSubject.label)),
            func.max(ReviewVote.at),
        )
        .join(ReviewSubject, ReviewSubject.id == ReviewVote.subject_id)
        # keys sort by time, so the period's votes are a range of keys
        .where(ReviewVote.id >= first_key(since), ReviewVote.withdrawn_at.is_(None))
        .group_by(ReviewVote.reviewer)
        .order_by(func.count().desc(), ReviewVote.reviewer)
    )
    return [ReviewerProgress(*row) for row in rows]
