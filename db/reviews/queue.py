"""The queue before reviewers: uncertain faces first, mixed with faces drawn by chance alone.

Whether a face belongs to the random slice is drawn when it is first stored, and within the slice faces come in a random order.
What is judged of that slice when a face's turn comes stands for all faces.
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
"""Share of all faces that belong to the random slice."""
RANDOM_TURN_SHARE = 0.2
"""Share of a reviewer's faces that come from the random slice."""
SECOND_VOTE_SHARE = 0.1
"""Share of faces that need two reviewers' votes, so that their agreement can be told."""
RESERVATION_S = 300
"""How long a face that was handed to one reviewer is kept from the others."""

_INSERT = insert(get_table(ReviewItem))
_EMPTY = list_empty(ReviewItem)
MOST_COUNTED = 10_000
"""Faces that are counted before it is only said that there are more."""

_chance = SystemRandom()


def add_to_queue(session: Session, photo_sha256: str, faces: Sequence[Face]) -> None:
    """Give each new face its place: the one that it had in an earlier analysis of its photo, or one that is drawn now.

    A face that people judged in an earlier analysis takes over their label.
    """
    if not faces:
        return
    lock_photo(session, photo_sha256)
    earlier, items, rows = list_earlier(session, photo_sha256), [], []
    # what people judge belongs to a stored face, so a photo that wasn't analysed before has nothing that was judged
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
            # How many votes a label needs is a setting of those who take votes; whether one is missing shows in the earlier places.
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
    """Hand out at most `limit` faces, and keep them from other reviewers for RESERVATION_S seconds.

    exclude: faces that the reviewer has on screen already. random_share: chance of each that it comes from the random slice.
    is_seen: whether the reviewer is shown what the model says of faces of the random slice too, so that votes on them aren't blind.
    The random slice isn't touched where the filter picks by answer, since its faces must be judged in their own order.
    A face isn't handed to a reviewer whose vote on it stands, cast on this analysis of its photo or on another; but one of the
    random slice that was judged out of turn comes up in its turn all the same.
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
            found = _search(session, slice_, wanted, reviewer, seen, now, count)
            taken += found
            seen.update(item.face_id for item in found)
    for item in taken:
        # what was shown to somebody stays shown, also where it is handed to them once more
        item.reserved_seen = is_seen or (item.reserved_seen and item.reserved_by == reviewer)
        item.reserved_by, item.reserved_until = reviewer, now + timedelta(seconds=RESERVATION_S)
    return taken


def release_faces(session: Session, reviewer: str) -> None:
    """Give back the faces that the reviewer was handed and has not judged."""
    # Those that another transaction has in hand are being judged at this moment; waiting for it could end in a deadlock.
    theirs = (
        select(ReviewItem.face_id)
        .where(ReviewItem.reserved_by == reviewer, ReviewItem.closed_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(ReviewItem).where(ReviewItem.face_id.in_(theirs)).values(reserved_by=None, reserved_until=None)
    )


def _draw(chance: Random) -> tuple[ReviewSlice, float, int]:
    """Slice, rank in the random slice, and votes wanted."""
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
    """At most `limit` free faces of one slice that fit, least rank first."""
    own_votes = select(ReviewVote.id).where(
        ReviewVote.subject_id == ReviewItem.subject_id,
        ReviewVote.reviewer == reviewer,
        ReviewVote.withdrawn_at.is_(None),
    )
    if slice_ is ReviewSlice.RANDOM:
        # What was judged out of turn comes before the same reviewer once more, where there may be no other.
        is_subject = ReviewSubject.id == ReviewVote.subject_id
        own_votes = own_votes.join(ReviewSubject, is_subject).where(ReviewSubject.drawn_at.is_not(None))
    is_free = or_(
        ReviewItem.reserved_until.is_(None), ReviewItem.reserved_until <= now, ReviewItem.reserved_by == reviewer
    )
    statement = select(ReviewItem).where(*wanted.match(), is_free, ~own_votes.exists())
    if exclude:
        statement = statement.where(ReviewItem.face_id.not_in(exclude))
    # Two reviewers who ask at once on PostgreSQL pass over each other's rows; SQLite has one writer at a time.
    statement = statement.with_for_update(skip_locked=True)
    found: list[ReviewItem] = []
    for path in list_paths(session, slice_, wanted):
        found += session.scalars(path.follow(statement).limit(limit - len(found)))
        if len(found) >= limit:
            break
    return found


def count_waiting(session: Session, wanted: ReviewFilter = EVERY_FACE, *, most: int = MOST_COUNTED) -> int:
    """How many faces that fit wait for votes. Counts `most` at most."""
    slices = [ReviewSlice.UNCERTAIN] if wanted.picks_by_answer else list(ReviewSlice)
    count = 0
    for slice_ in slices:
        path = choose_counted(session, slice_, wanted).narrow(*wanted.match())
        waiting = path.search(select(literal(1)).select_from(ReviewItem)).limit(most - count)
        count += session.scalar(select(func.count()).select_from(waiting.subquery())) or 0
        if count >= most:
            break
    return count
