"""Reviewers who take faces from the queue and vote on them."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.faces.tables import Face
from db.reviews.actions import cast_vote
from db.reviews.queue import take_faces
from db.reviews.tables import ReviewItem

HAPPY, SAD = Emotion.HAPPY, Emotion.SAD


def set_slice(database: Database, slice_: ReviewSlice, *face_ids: UUID) -> None:
    """Set the slice of all faces; in the random one the given order is the faces' order."""
    with database.write() as session:
        chosen = ReviewItem.face_id.in_(face_ids) if face_ids else ReviewItem.slice.is_not(None)
        session.execute(update(ReviewItem).where(chosen).values(slice=slice_, votes_wanted=1))
        if slice_ is ReviewSlice.UNCERTAIN:
            margin = select(Face.margin).where(Face.id == ReviewItem.face_id).scalar_subquery()
            session.execute(update(ReviewItem).where(chosen).values(rank=margin))
        else:
            for rank, face_id in enumerate(face_ids):
                session.execute(update(ReviewItem).where(ReviewItem.face_id == face_id).values(rank=rank))


def take(database: Database, reviewer: str = "ana", **options: Any) -> list[UUID]:
    with database.write() as session:
        return [item.face_id for item in take_faces(session, reviewer, **{"random_share": 0.0} | options)]


def vote(
    database: Database,
    face_id: UUID,
    reviewer: str = "ana",
    choice: VoteChoice = VoteChoice.HAPPY,
    *,
    least_votes: int = 1,
) -> None:
    with database.write() as session:
        cast_vote(session, face_id, reviewer, choice, least_votes=least_votes)
