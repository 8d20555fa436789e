"""The review queue: uncertain faces first, mixed with randomly drawn faces.

Whether a face belongs to the random slice is drawn when it is first stored. Within the slice, faces come in random order. Faces of
the slice that are reviewed in their turn are a random sample of all faces.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from random import Random, SystemRandom
from uuid import UUID

from sqlalchemy import func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from db.core.rows import get_table, list_empty, make_object
from db.core.types import utcnow
from db.core.vocabulary import ReviewSlice
from db.faces.hourly_counts import count_in
from db.faces.tables import Face
from db.model_versions.queries import find_number
from db.reviews.filter import EVERY_FACE, ReviewFilter
from db.reviews.paths import choose_counted, list_paths
from db.reviews.subjects import choose_same, is_settled, list_earlier, lock_photo, lock_subjects, make_chance
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote

RANDOM_SLICE_SHARE = 0.125
"""Share of all faces that are drawn for the random slice."""
RANDOM_TURN_SHARE = 0.2
"""Share of the faces handed to a reviewer that come from the random slice."""
SECOND_VOTE_SHARE = 0.1
"""Share of faces that need votes of two reviewers, to measure agreement."""
RESERVATION_S = 300
"""Seconds for which a face handed to one reviewer is withheld from others."""

_INSERT = insert(get_table(ReviewItem))
_EMPTY = list_empty(ReviewItem)
MOST_COUNTED = 10_000
"""Maximum number of faces that are counted exactly."""

_chance = SystemRandom()


def add_to_queue(session: Session, photo_sha256: str, faces: Sequence[Face]) -> None:
    """Add each new face to the queue, with the slice and rank of an earlier analysis of its photo, or newly drawn ones.

    A face that was reviewed in an earlier analysis gets that label.
    """
    if not faces:
        return
    lock_photo(session, photo_sha256)
    earlier, items, rows = list_earlier(session, photo_sha256), [], []
    # labels belong to stored faces, so a photo that is new has none
    subjects = lock_subjects(session, photo_sha256) if earlier else ()
    for face in faces:
        slice_, rank, votes_wanted = _draw(make_chance(photo_sha256, face))
        same = choose_same(face, earlier)
        if same is not None:
            slice_, rank, votes_wanted = same.slice, same.rank, same.votes_wanted
        row = _EMPTY | {
            "face_id": face.id,
            "slice": slice_,
            "rank": rank if slice_ is ReviewSlice.RANDOM else face.margin,
            "emotion": face.emotion,
            "confidence": face.confidence,
            "face_px": min(face.width, face.height),
            "model_version": find_number(session, face.model_version_id),
            "created_at": face.created_at,
            "votes_wanted": votes_wanted,
        }
        item = make_object(ReviewItem, row)
        subject = choose_same(face, subjects)
        if subject is not None:
            row["subject_id"] = subject.id
            # The number of votes that a label needs is a setting of the API; earlier queue entries tell whether some are missing.
            is_awaited = any(
                other.subject_id == subject.id and other.slice is slice_ and other.closed_at is None
                for other in earlier
            )
            row["closed_at"] = utcnow() if is_settled(item, subject) and not is_awaited else None
        items.append(item)
        rows.append(row)
    if rows:
        session.execute(_INSERT, rows)
        count_in(session, items)


def take_faces(
    session: Session,
    reviewer: str,
    wanted: ReviewFilter = EVERY_FACE,
    *,
    limit: int = 1,
    exclude: Collection[UUID] = (),
    random_share: float = RANDOM_TURN_SHARE,
    is_seen: bool = False,
    chance: Random = _chance,
) -> list[ReviewItem]:
    """Hand out at most `limit` faces, and withhold them from other reviewers for RESERVATION_S seconds.

    exclude: faces that the reviewer has on screen.
    random_share: probability of each face to come from the random slice.
    is_seen: whether predictions of the random slice are shown too, so that votes aren't blind.

    The random slice is skipped if the filter depends on the prediction, because its faces must be reviewed in their own order.
    A face with a current vote of the reviewer, on this or another analysis of its photo, isn't handed out; except one of the
    random slice that was reviewed out of turn.
    """
    from_random = sum(chance.random() < random_share for _ in range(limit))
    if wanted.depends_on_prediction:
        turns = [(ReviewSlice.UNCERTAIN, limit)]
    else:
        turns = [(ReviewSlice.RANDOM, from_random), (ReviewSlice.UNCERTAIN, limit), (ReviewSlice.RANDOM, limit)]
    now, taken, seen = utcnow(), list[ReviewItem](), set(exclude)
    for slice_, share in turns:
        count = min(share, limit - len(taken))
        if count > 0:
            found = _search(session, slice_, wanted, reviewer, seen, now, count)
            taken += found
            seen.update(item.face_id for item in found)
    for item in taken:
        # a prediction that was shown stays marked as shown
        item.reserved_seen = is_seen or (item.reserved_seen and item.reserved_by == reviewer)
        item.reserved_by, item.reserved_until = reviewer, now + timedelta(seconds=RESERVATION_S)
    return taken


def release_faces(session: Session, reviewer: str) -> None:
    """Release the faces that the reviewer took but didn't vote on."""
    # Rows locked by another transaction are being voted on; waiting for them could deadlock.
    theirs = (
        select(ReviewItem.face_id)
        .where(ReviewItem.reserved_by == reviewer, ReviewItem.closed_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(ReviewItem).where(ReviewItem.face_id.in_(theirs)).values(reserved_by=None, reserved_until=None)
    )


def _draw(chance: Random) -> tuple[ReviewSlice, float, int]:
    """Draw slice, rank in the random slice, and number of votes."""
    slice_ = ReviewSlice.RANDOM if chance.random() < RANDOM_SLICE_SHARE else ReviewSlice.UNCERTAIN
    return slice_, chance.random(), 2 if chance.random() < SECOND_VOTE_SHARE else 1


def _search(
    session: Session,
    slice_: ReviewSlice,
    wanted: ReviewFilter,
    reviewer: str,
    exclude: Collection[UUID],
    now: datetime,
    limit: int,
) -> list[ReviewItem]:
    """Find at most `limit` free faces of a slice that match, lowest rank first."""
    own_votes = select(ReviewVote.id).where(
        ReviewVote.subject_id == ReviewItem.subject_id,
        ReviewVote.reviewer == reviewer,
        ReviewVote.withdrawn_at.is_(None),
    )
    if slice_ is ReviewSlice.RANDOM:
        # Faces reviewed out of turn are handed to the same reviewer again, since there may be no other reviewer.
        is_subject = ReviewSubject.id == ReviewVote.subject_id
        own_votes = own_votes.join(ReviewSubject, is_subject).where(ReviewSubject.drawn_at.is_not(None))
    is_free = or_(
        ReviewItem.reserved_until.is_(None), ReviewItem.reserved_until <= now, ReviewItem.reserved_by == reviewer
    )
    statement = select(ReviewItem).where(*wanted.match(), is_free, ~own_votes.exists())
    if exclude:
        statement = statement.where(ReviewItem.face_id.not_in(exclude))
    # On PostgreSQL, concurrent reviewers skip each other's rows; SQLite has one writer at a time.
    statement = statement.with_for_update(skip_locked=True)
    found: list[ReviewItem] = []
    for path in list_paths(session, slice_, wanted):
        found += session.scalars(path.follow(statement).limit(limit - len(found)))
        if len(found) >= limit:
            break
    return found


def count_waiting(session: Session, wanted: ReviewFilter = EVERY_FACE, *, most: int = MOST_COUNTED) -> int:
    """Count matching faces that wait for votes, up to `most`."""
    slices = [ReviewSlice.UNCERTAIN] if wanted.depends_on_prediction else list(ReviewSlice)
    count = 0
    for slice_ in slices:
        path = choose_counted(session, slice_, wanted).narrow(*wanted.match())
        waiting = path.search(select(literal(1)).select_from(ReviewItem)).limit(most - count)
        count += session.scalar(select(func.count()).select_from(waiting.subquery())) or 0
        if count >= most:
            break
    return count
