"""Which face is which, across analyses: the same place in the same photo is the same face."""

from collections.abc import Iterable, Sequence
from random import Random, SystemRandom
from typing import Protocol
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from db.models import Face, Job
from db.models_review import ReviewItem, ReviewSubject
from db.vocabulary import ReviewSlice, Verdict

LEAST_OVERLAP = 0.5
"""Least intersection over union of two boxes that are one face: the bound that detection benchmarks use (PASCAL VOC)."""


_chance = SystemRandom()


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


def list_subjects(session: Session, photo_sha256: str) -> Sequence[ReviewSubject]:
    """Every face of these very photo bytes that somebody has judged."""
    return session.scalars(select(ReviewSubject).where(ReviewSubject.photo_sha256 == photo_sha256)).all()


def choose_subject(box: Box, subjects: Iterable[ReviewSubject]) -> ReviewSubject | None:
    """The one that overlaps `box` most, or None if none overlaps it enough."""
    best = max(subjects, key=lambda subject: measure_overlap(box, subject), default=None)
    return best if best is not None and measure_overlap(box, best) >= LEAST_OVERLAP else None


def draw_rank(slice_: ReviewSlice, face: Face, chance: Random) -> float:
    """The face's place in a slice, least first: its margin where uncertain faces come first, or else a random number."""
    return chance.random() if slice_ is ReviewSlice.RANDOM else face.margin


def adopt_faces(session: Session, subject: ReviewSubject) -> None:
    """Let all stored faces that are this one belong to it: those of analyses of its photo from before anybody judged it."""
    rows = session.execute(
        select(ReviewItem, Face)
        .join(Face, Face.id == ReviewItem.face_id)
        .join(Job, Job.id == Face.job_id)
        .where(Job.photo_sha256 == subject.photo_sha256, ReviewItem.subject_id.is_(None))
    )
    subjects = list_subjects(session, subject.photo_sha256)
    for item, face in rows.all():
        if choose_subject(face, subjects) is subject:
            item.subject_id = subject.id
            if item.slice is not subject.slice:
                item.slice, item.rank = subject.slice, draw_rank(subject.slice, face, _chance)


def find_labels(session: Session, face_ids: Iterable[UUID]) -> dict[UUID, Verdict]:
    """What people have confirmed of these faces, by face; faces without a label are left out."""
    rows = session.execute(
        select(ReviewItem.face_id, ReviewSubject.label)
        .join(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(ReviewItem.face_id.in_(tuple(face_ids)), ReviewSubject.label.is_not(None))
    )
    return {face_id: label for face_id, label in rows if label is not None}


def list_subject_ids(session: Session, job_id: UUID) -> Sequence[UUID]:
    """The subjects that a job's faces belong to."""
    found = session.scalars(
        select(ReviewItem.subject_id)
        .join(Face, Face.id == ReviewItem.face_id)
        .where(Face.job_id == job_id, ReviewItem.subject_id.is_not(None))
    )
    return [subject_id for subject_id in found if subject_id is not None]


def erase_orphans(session: Session, subject_ids: Sequence[UUID]) -> None:
    """Delete those of the subjects that no stored face belongs to, with their votes and their places in training runs."""
    if subject_ids:
        is_used = exists().where(ReviewItem.subject_id == ReviewSubject.id)
        session.execute(delete(ReviewSubject).where(ReviewSubject.id.in_(subject_ids), ~is_used))
