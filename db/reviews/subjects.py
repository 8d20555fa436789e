"""Identifies faces across analyses: the same position in the same photo is the same face.

Random draws are made once per face and reused for further analyses of the photo, so that a face that is analysed often isn't drawn
more often.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Text, bindparam, cast, delete, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from db.core.rows import get_table
from db.core.vocabulary import ReviewSlice, VoteChoice
from db.faces.tables import Face
from db.jobs.tables import Job
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote

LEAST_OVERLAP = 0.5
"""Minimum intersection over union of two boxes of the same face: the threshold of detection benchmarks (PASCAL VOC)."""

_MOST_EARLIER = 200
"""Maximum number of faces of earlier analyses that are compared: the same bytes may come any number of times."""


class Box(Protocol):
    """Anything with a bounding box, in pixels of the upright photo."""

    x: int
    y: int
    width: int
    height: int


def measure_overlap(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    height = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    shared = max(width, 0) * max(height, 0)
    union = first.width * first.height + second.width * second.height - shared
    return shared / union if union else 0.0


BoxT = TypeVar("BoxT", bound=Box)


def choose_same(box: Box, others: Iterable[BoxT]) -> BoxT | None:
    """Return the box that overlaps `box` most, or None if none overlaps enough."""
    best = max(others, key=lambda other: measure_overlap(box, other), default=None)
    return best if best is not None and measure_overlap(box, best) >= LEAST_OVERLAP else None


def lock_subjects(session: Session, photo_sha256: str) -> Sequence[ReviewSubject]:
    """Return every reviewed face of these photo bytes, locked until the transaction ends.

    Other transactions that call this for the same photo wait, even if it has no such faces. Call it before locking anything else,
    except the photo's job.
    """
    lock_photo(session, photo_sha256)
    return _lock(session, ReviewSubject.photo_sha256 == photo_sha256)


def lock_photo(session: Session, photo_sha256: str) -> None:
    """Wait for other transactions that locked the same photo. The first part of lock_subjects."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(photo_sha256, 0))))


def lock_subjects_of(session: Session, photo_sha256s: Iterable[str]) -> None:
    """Lock the subjects of several photos until the transaction ends, in a fixed order to avoid deadlocks."""
    digests = sorted(set(photo_sha256s))
    if session.get_bind().dialect.name == "postgresql":
        digest = func.unnest(cast(digests, ARRAY(Text))).column_valued("digest")
        keys = select(func.hashtextextended(digest, 0).label("key")).order_by("key").subquery()
        session.execute(select(func.pg_advisory_xact_lock(keys.c.key)))
    _lock(session, ReviewSubject.photo_sha256.in_(digests))


def lock_subjects_by_id(session: Session, subject_ids: Iterable[UUID]) -> Sequence[ReviewSubject]:
    """Return these subjects, locked until the transaction ends, without deleted ones."""
    return _lock(session, ReviewSubject.id.in_(tuple(subject_ids)))


@dataclass(slots=True)
class EarlierFace:
    """A face of an earlier analysis of a photo: its box and its queue entry."""

    x: int
    y: int
    width: int
    height: int
    slice: ReviewSlice
    rank: float
    votes_wanted: int
    subject_id: UUID | None
    closed_at: datetime | None


_LIST_EARLIER = (
    select(
        *(get_table(Face).c[name] for name in ("x", "y", "width", "height")),
        *(get_table(ReviewItem).c[name] for name in ("slice", "rank", "votes_wanted", "subject_id", "closed_at")),
    )
    .join_from(get_table(Job), get_table(Face))
    .join(get_table(ReviewItem), get_table(ReviewItem).c.face_id == get_table(Face).c.id)
    .where(get_table(Job).c.photo_sha256 == bindparam("photo_sha256"))
    .order_by(get_table(Face).c.id.desc())
    .limit(_MOST_EARLIER)
)


def list_earlier(session: Session, photo_sha256: str) -> list[EarlierFace]:
    """List the faces of the photo's latest analyses, newest first. Reads boxes and queue entries, but no crops."""
    return [EarlierFace(*row) for row in session.execute(_LIST_EARLIER, {"photo_sha256": photo_sha256})]


def make_chance(photo_sha256: str, box: Box) -> Random:
    """Return a random generator seeded by photo and box, so that repeated analyses draw the same."""
    return Random(f"{photo_sha256} {box.x} {box.y} {box.width} {box.height}")  # noqa: S311  # guards nothing


def adopt_faces(session: Session, subject: ReviewSubject, others: Sequence[ReviewSubject]) -> None:
    """Assign all stored faces that are this one to the subject: those of analyses before its first vote.

    others: the reviewed faces of its photo, from `lock_subjects`.
    """
    rows = session.execute(
        select(ReviewItem, Face)
        .join(Face, Face.id == ReviewItem.face_id)
        .join(Job, Job.id == Face.job_id)
        .where(Job.photo_sha256 == subject.photo_sha256, ReviewItem.subject_id.is_(None))
    ).all()
    subjects = (*others, subject)
    for item, face in rows:
        if choose_same(face, subjects) is subject:
            item.subject = subject


def count_wanted(item: ReviewItem, least_votes: int) -> int:
    """Return how many votes the face needs. least_votes: votes that a label needs for training; faces of the random slice are never
    used for training.
    """
    return item.votes_wanted if item.slice is ReviewSlice.RANDOM else max(item.votes_wanted, least_votes)


def is_settled(item: ReviewItem, subject: ReviewSubject, least_votes: int = 1) -> bool:
    """Return whether the face needs no further vote. least_votes: votes that a label needs for training.

    A face of the random slice that was reviewed out of turn still waits for its turn: only then does its label count.
    """
    is_drawn = item.slice is not ReviewSlice.RANDOM or subject.drawn_at is not None
    return subject.label is not None and subject.vote_count >= count_wanted(item, least_votes) and is_drawn


def find_labels(session: Session, face_ids: Iterable[UUID]) -> dict[UUID, VoteChoice]:
    """Return the labels of these faces, by face; faces without a label are left out."""
    rows = session.execute(
        select(ReviewItem.face_id, ReviewSubject.label)
        .join(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(ReviewItem.face_id.in_(tuple(face_ids)), ReviewSubject.label.is_not(None))
    )
    return {face_id: label for face_id, label in rows if label is not None}


def find_own_votes(session: Session, face_ids: Iterable[UUID], reviewer: str) -> dict[UUID, VoteChoice]:
    """Return this reviewer's current votes on these faces, by face."""
    rows = session.execute(
        select(ReviewItem.face_id, ReviewVote.choice)
        .join(ReviewVote, ReviewVote.subject_id == ReviewItem.subject_id)
        .where(
            ReviewItem.face_id.in_(tuple(face_ids)), ReviewVote.reviewer == reviewer, ReviewVote.withdrawn_at.is_(None)
        )
    )
    return dict(rows.all())


def list_subject_ids(session: Session, job_ids: Sequence[UUID]) -> Sequence[UUID]:
    """List the subjects of these jobs' faces."""
    found = session.scalars(
        select(ReviewItem.subject_id)
        .distinct()
        .join(Face, Face.id == ReviewItem.face_id)
        .where(Face.job_id.in_(job_ids), ReviewItem.subject_id.is_not(None))
    )
    return [subject_id for subject_id in found if subject_id is not None]


def erase_orphans(session: Session, subject_ids: Sequence[UUID]) -> None:
    """Delete those of the subjects that have no stored face, with their votes and training corrections."""
    if subject_ids:
        is_used = exists().where(ReviewItem.subject_id == ReviewSubject.id)
        session.execute(delete(ReviewSubject).where(ReviewSubject.id.in_(subject_ids), ~is_used))


def _lock(session: Session, condition: ColumnElement[bool]) -> Sequence[ReviewSubject]:
    # In a fixed order, so that two transactions can't deadlock.
    statement = select(ReviewSubject).where(condition).order_by(ReviewSubject.id)
    statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(statement).all()
