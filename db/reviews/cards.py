"""Reads the faces that are shown to a reviewer, all cards of a page at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.core.vocabulary import ReviewSlice
from db.faces.queries import version_number
from db.faces.tables import Face
from db.jobs.actions import is_photo_kept
from db.jobs.tables import Job
from db.reviews.result_views import has_seen_result
from db.reviews.tables import ReviewItem, ReviewVote


@dataclass(frozen=True)
class Card:
    """A face for review: its row, its job, its queue entry, and its current votes.

    has_own_vote: whether one of them is the reviewer's. Until then other votes are hidden, so that agreement is meaningful.
    is_blind: whether the prediction is hidden until the reviewer has voted.
    """

    face: Face
    job: Job
    item: ReviewItem
    votes: Sequence[ReviewVote]
    has_own_vote: bool
    is_blind: bool

    @property
    def is_photo_kept(self) -> bool:
        """Whether the photo can be shown beside the crop."""
        return is_photo_kept(self.job)


def list_cards(session: Session, face_ids: Sequence[UUID], reviewer: str) -> list[Card]:
    """Return the cards of these faces, in this order, without erased ones. Takes two queries."""
    rows = session.execute(
        select(Face, Job, ReviewItem, has_seen_result(Job.photo_sha256, reviewer))
        .join(Job, Job.id == Face.job_id)
        .join(ReviewItem, ReviewItem.face_id == Face.id)
        .options(version_number)
        .where(Face.id.in_(face_ids))
    ).all()
    votes: dict[UUID, list[ReviewVote]] = defaultdict(list)
    subject_ids = {item.subject_id for _, _, item, _ in rows if item.subject_id is not None}
    if subject_ids:
        wanted = select(ReviewVote).where(ReviewVote.subject_id.in_(subject_ids)).order_by(ReviewVote.id)
        for vote in session.scalars(wanted):
            votes[vote.subject_id].append(vote)
    cards = {
        face.id: _make_card(face, job, item, votes, reviewer, has_seen=has_seen) for face, job, item, has_seen in rows
    }
    return [cards[face_id] for face_id in face_ids if face_id in cards]


def _make_card(
    face: Face, job: Job, item: ReviewItem, votes: dict[UUID, list[ReviewVote]], reviewer: str, *, has_seen: bool
) -> Card:
    cast = votes[item.subject_id] if item.subject_id is not None else []
    own = [vote for vote in cast if vote.reviewer == reviewer]
    return Card(
        face=face,
        job=job,
        item=item,
        votes=[vote for vote in cast if vote.withdrawn_at is None],
        has_own_vote=any(vote.withdrawn_at is None for vote in own),
        is_blind=item.slice is ReviewSlice.RANDOM and not item.reserved_seen and not own and not has_seen,
    )
