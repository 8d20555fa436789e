"""The queue before reviewers: uncertain faces first, mixed with faces drawn by chance alone.

Whether a face belongs to the random slice is drawn when it is stored, and within the slice faces come in a random order.
Faces of that slice come before reviewers by their turn alone, so what is judged of it stands for all faces.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random, SystemRandom
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from db.columns import utcnow
from db.models import Face
from db.models_review import ReviewItem, ReviewVote
from db.review_subjects import choose_subject, list_subjects
from db.vocabulary import Emotion, ReviewSlice

RANDOM_SLICE_SHARE = 0.125
"""Share of all faces that belong to the random slice."""
RANDOM_TURN_SHARE = 0.2
"""Share of a reviewer's faces that come from the random slice."""
SECOND_VOTE_SHARE = 0.1
"""Share of faces that need two reviewers' votes, so that their agreement can be told."""
RESERVATION_S = 300
"""How long a face that was handed to one reviewer is kept from the others."""

_ROUNDING = 1e-6
"""By how much seven probabilities of 32 bits may miss 1 in sum."""

_chance = SystemRandom()


@dataclass(frozen=True, kw_only=True)
class ReviewFilter:
    """Which faces a reviewer wants; what is None doesn't restrict. Sizes: the box's shorter side, in pixels of the photo.

    Times: stored at or after, stored before.
    """

    emotion: Emotion | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    min_face_px: int | None = None
    max_face_px: int | None = None
    model_version: int | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None

    @property
    def picks_by_answer(self) -> bool:
        """Whether it looks at what the face or the model's answer is like, and not only at when and by which version."""
        looked_at = (self.emotion, self.min_confidence, self.max_confidence, self.min_face_px, self.max_face_px)
        return any(value is not None for value in looked_at)


def add_to_queue(session: Session, photo_sha256: str, faces: Iterable[Face], chance: Random = _chance) -> None:
    """Give each new face its place. A face that people judged in an earlier analysis of its photo takes over their label."""
    subjects = list_subjects(session, photo_sha256)
    for face in faces:
        is_random = chance.random() < RANDOM_SLICE_SHARE
        item = ReviewItem(
            face_id=face.id,
            slice=ReviewSlice.RANDOM if is_random else ReviewSlice.UNCERTAIN,
            rank=chance.random() if is_random else face.margin,
            emotion=face.emotion,
            confidence=face.confidence,
            face_px=min(face.width, face.height),
            model_version=face.model_version.number,
            created_at=face.created_at,
            votes_wanted=2 if chance.random() < SECOND_VOTE_SHARE else 1,
        )
        subject = choose_subject(face, subjects)
        if subject is not None:
            # It was judged for the reason that brought it up then, so it counts for that slice now.
            item.subject_id, item.slice = subject.id, subject.slice
            item.closed_at = utcnow() if subject.label is not None else None
        session.add(item)


def take_faces(
    session: Session,
    reviewer: str,
    wanted: ReviewFilter = ReviewFilter(),
    *,
    limit: int = 1,
    exclude: Collection[UUID] = (),
    random_share: float = RANDOM_TURN_SHARE,
    chance: Random = _chance,
) -> list[ReviewItem]:
    """Hand out at most `limit` faces, and keep them from other reviewers for RESERVATION_S seconds.

    exclude: faces that the reviewer has on screen already. random_share: chance of each that it comes from the random slice.
    The random slice isn't touched where the filter picks by answer, since its faces must be judged in their own order.
    A face isn't handed to a reviewer whose vote on it stands.
    """
    from_random = sum(chance.random() < random_share for _ in range(limit))
    if wanted.picks_by_answer:
        turns = [(ReviewSlice.UNCERTAIN, limit)]
    else:
        turns = [(ReviewSlice.RANDOM, from_random), (ReviewSlice.UNCERTAIN, limit), (ReviewSlice.RANDOM, limit)]
    now, taken, seen = utcnow(), list[ReviewItem](), set(exclude)
    for slice_, share in turns:
        count = min(share, limit - len(taken))
        if count > 0:
            found = session.scalars(_search(slice_, wanted, reviewer, seen, now).limit(count)).all()
            taken += found
            seen.update(item.face_id for item in found)
    for item in taken:
        item.reserved_by, item.reserved_until = reviewer, now + timedelta(seconds=RESERVATION_S)
    return taken


def release_faces(session: Session, reviewer: str) -> None:
    """Give back the faces that the reviewer was handed and has not judged."""
    session.execute(
        update(ReviewItem)
        .where(ReviewItem.reserved_by == reviewer, ReviewItem.closed_at.is_(None))
        .values(reserved_by=None, reserved_until=None)
    )


def _search(
    slice_: ReviewSlice, wanted: ReviewFilter, reviewer: str, exclude: Collection[UUID], now: datetime
) -> Select[ReviewItem]:
    has_own_vote = (
        select(ReviewVote.id)
        .where(
            ReviewVote.face_id == ReviewItem.face_id,
            ReviewVote.reviewer == reviewer,
            ReviewVote.withdrawn_at.is_(None),
        )
        .exists()
    )
    is_free = or_(
        ReviewItem.reserved_until.is_(None), ReviewItem.reserved_until <= now, ReviewItem.reserved_by == reviewer
    )
    conditions = [ReviewItem.closed_at.is_(None), ReviewItem.slice == slice_, *_match(wanted), is_free, ~has_own_vote]
    if exclude:
        conditions.append(ReviewItem.face_id.not_in(exclude))
    if slice_ is ReviewSlice.UNCERTAIN and wanted.min_confidence is not None:
        # The second largest probability is at most what the largest leaves, so a sure face has no small margin: begin there.
        conditions.append(ReviewItem.rank >= 2 * wanted.min_confidence - 1 - _ROUNDING)
    # Two reviewers who ask at once on PostgreSQL pass over each other's rows; SQLite has one writer at a time.
    return select(ReviewItem).where(*conditions).order_by(ReviewItem.rank).with_for_update(skip_locked=True)


def _match(wanted: ReviewFilter) -> list[ColumnElement[bool]]:
    bounds = (
        (wanted.emotion, ReviewItem.emotion.__eq__),
        (wanted.min_confidence, ReviewItem.confidence.__ge__),
        (wanted.max_confidence, ReviewItem.confidence.__le__),
        (wanted.min_face_px, ReviewItem.face_px.__ge__),
        (wanted.max_face_px, ReviewItem.face_px.__le__),
        (wanted.model_version, ReviewItem.model_version.__eq__),
        (wanted.created_from, ReviewItem.created_at.__ge__),
        (wanted.created_before, ReviewItem.created_at.__lt__),
    )
    return [compare(value) for value, compare in bounds if value is not None]
