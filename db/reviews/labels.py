"""Lists the labels of faces."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.core.vocabulary import VoteChoice
from db.reviews.tables import ReviewSubject


def list_labels(
    session: Session,
    *,
    limit: int,
    label: VoteChoice | None = None,
    is_blind: bool | None = None,
    before: UUID | None = None,
) -> Sequence[ReviewSubject]:
    """List faces that have a label, newest first by the time of their first vote.

    is_blind: only faces with, or without, a label from blind votes. before: the last face of the previous page.
    """
    statement = select(ReviewSubject).where(ReviewSubject.label.is_not(None))
    if label is not None:
        statement = statement.where(ReviewSubject.label == label)
    if is_blind is not None:
        has_blind = ReviewSubject.blind_label.is_not(None)
        statement = statement.where(has_blind if is_blind else ~has_blind)
    if before is not None:
        statement = statement.where(ReviewSubject.id < before)
    return session.scalars(statement.order_by(ReviewSubject.id.desc()).limit(limit)).all()
