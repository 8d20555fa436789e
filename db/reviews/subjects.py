"""Which face is which, across analyses: the same place in the same photo is the same face.

Whatever is drawn by chance of a face is drawn once: another analysis of the photo takes it over, so that a face that is analysed
often comes up no sooner than others.
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
"""Least intersection over union of two boxes that are one face: the bound that detection benchmarks use (PASCAL VOC)."""

_MOST_EARLIER = 200
"""Faces of earlier analyses that are looked at: the same bytes may come any number of times."""


class Box(Protocol):
    """Anything with a bounding box, in pixels of the upright picture."""

    x: int
    y: int
    width: int
    height: int


def measure_overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    height = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    shared = max(width, 0) * max(height, 0)
    union = first.width * first.height + second.width * second.height - shared
    return shared / union if union else 0.0


BoxT = TypeVar("BoxT", bound=Box)


def choose_same(box: Box, others: Iterable[BoxT]) -> BoxT | None:
    """The one that overlaps `box` most, or None if none overlaps it enough."""
    best = max(others, key=lambda other: measure_overlap(box, other), default=None)
    return best if best is not None and measure_overlap(box, best) >= LEAST_OVERLAP else None


def lock_subjects(session: Session, photo_sha256: str) -> Sequence[ReviewSubject]:
    """Every face of these very photo bytes that somebody has judged, as it is now.

    Until the transaction ends, no other one that calls this with the same photo goes on, whether there are such faces or not.
    Call it before anything else is locked but the photo's job.
    """
    lock_photo(session, photo_sha256)
    return _lock(session, ReviewSubject.photo_sha256 == photo_sha256)


def lock_photo(session: Session, photo_sha256: str) -> None:
    """Wait until no other transaction that calls this with the same photo is open. The first half of lock_subjects."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(photo_sha256, 0))))


def lock_subjects_of(session: Session, photo_sha256s: Iterable[str]) -> None:
    """Keep the subjects of several photos from changes until the transaction ends, in one order for all transactions."""
    digests = sorted(set(photo_sha256s))
    if session.get_bind().dialect.name == "postgresql":
        digest = func.unnest(cast(digests, ARRAY(Text))).column_valued("digest")
        keys = select(func.hashtextextended(digest, 0).label("key")).order_by("key").subquery()
        session.execute(select(func.pg_advisory_xact_lock(keys.c.key)))
    _lock(session, ReviewSubject.photo_sha256.in_(digests))


def lock_subjects_by_id(session: Session, subject_ids: Iterable[UUID]) -> Sequence[ReviewSubject]:
    """These judged faces, as they are now, kept from changes until the transaction ends; those that are gone are left out."""
    return _lock(session, ReviewSubject.id.in_(tuple(subject_ids)))


@dataclass(slots=True)
class EarlierFace:
    """A face of an earlier analysis of a photo: its box, and its place in the queue."""

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
    """The faces of the photo's latest analyses, newest first. Reads their boxes and places, and no crops."""
    return [EarlierFace(*row) for row in session.execute(_LIST_EARLIER, {"photo_sha256": photo_sha256})]


def make_chance(photo_sha256: str, box: Box) -> Random:
    """Chance that falls the same way whenever the same detector finds a face in the same photo."""
    return Random(f"{photo_sha256} {box.x} {box.y} {box.width} {box.height}")  # noqa: S311  # guards nothing


def adopt_faces(session: Session, subject: ReviewSubject, others: Sequence[ReviewSubject]) -> None:
    """Let all stored faces that are this one belong to it: those of analyses of its photo from before anybody judged it.

    others: the judged faces of its photo that `lock_subjects` gave.
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
    """Votes that the face needs. least_votes: what a label needs to teach; those of the random slice never teach."""
    return item.votes_wanted if item.slice is ReviewSlice.RANDOM else max(item.votes_wanted, least_votes)


def is_settled(item: ReviewItem, subject: ReviewSubject, least_votes: int = 1) -> bool:
    """Whether the face needs no further vote. least_votes: what a label needs to teach.

    One of the random slice that was judged out of turn still waits for its turn: only then does its label count.
    """
    is_drawn = item.slice is not ReviewSlice.RANDOM or subject.drawn_at is not None
    return subject.label is not None and subject.vote_count >= count_wanted(item, least_votes) and is_drawn


def find_labels(session: Session, face_ids: Iterable[UUID]) -> dict[UUID, VoteChoice]:
    """What people have confirmed of these faces, by face; faces without a label are left out."""
    rows = session.execute(
        select(ReviewItem.face_id, ReviewSubject.label)
        .join(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(ReviewItem.face_id.in_(tuple(face_ids)), ReviewSubject.label.is_not(None))
    )
    return {face_id: label for face_id, label in rows if label is not None}


def find_own_votes(session: Session, face_ids: Iterable[UUID], reviewer: str) -> dict[UUID, VoteChoice]:
    """What this reviewer said of these faces, by face; faces on which no vote of theirs stands are left out."""
    rows = session.execute(
        select(ReviewItem.face_id, ReviewVote.choice)
        .join(ReviewVote, ReviewVote.subject_id == ReviewItem.subject_id)
        .where(
            ReviewItem.face_id.in_(tuple(face_ids)), ReviewVote.reviewer == reviewer, ReviewVote.withdrawn_at.is_(None)
        )
    )
    return dict(rows.all())


def list_subject_ids(session: Session, job_ids: Sequence[UUID]) -> Sequence[UUID]:
    """The subjects that the faces of these jobs belong to."""
    found = session.scalars(
        select(ReviewItem.subject_id)
        .distinct()
        .join(Face, Face.id == ReviewItem.face_id)
        .where(Face.job_id.in_(job_ids), ReviewItem.subject_id.is_not(None))
    )
    return [subject_id for subject_id in found if subject_id is not None]


def erase_orphans(session: Session, subject_ids: Sequence[UUID]) -> None:
    """Delete those of the subjects that no stored face belongs to, with their votes and their places in training runs."""
    if subject_ids:
        is_used = exists().where(ReviewItem.subject_id == ReviewSubject.id)
        session.execute(delete(ReviewSubject).where(ReviewSubject.id.in_(subject_ids), ~is_used))


def _lock(session: Session, condition: ColumnElement[bool]) -> Sequence[ReviewSubject]:
    # In one order, so that two transactions never each wait for a face that the other one has.
    statement = select(ReviewSubject).where(condition).order_by(ReviewSubject.id)
    statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(statement).all()
