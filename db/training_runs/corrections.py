"""Faces that people have labelled, as rows to teach the next model with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session, undefer

from db.core.vocabulary import EMOTIONS, Emotion, ReviewSlice, VoteChoice
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs.tables import TrainingCorrection

_TRAINS = tuple(VoteChoice(emotion.value) for emotion in EMOTIONS)


@dataclass(frozen=True)
class Correction:
    """A labelled face. crop: grey uint8 (48, 48), row by row. face_px: the shorter side of its box in the photo.

    labeled_at: when its label last changed.
    """

    subject_id: UUID
    emotion: Emotion
    crop: bytes
    face_px: int
    vote_count: int
    labeled_at: datetime


@dataclass(frozen=True)
class RunCorrection:
    """What became of a correction in a run. refusal: why it was left out, or None where it taught."""

    subject_id: UUID
    emotion: Emotion
    refusal: str | None


def list_corrections(session: Session, *, limit: int, after: Correction | None = None) -> list[Correction]:
    """The `limit` latest faces whose label is an emotion, newest label first. after: the last one of those that were listed before.

    Faces of the random slice are left out: a model that had learnt their labels would be scored by them.
    """
    is_drawn = exists().where(ReviewItem.subject_id == ReviewSubject.id, ReviewItem.slice == ReviewSlice.RANDOM)
    statement = (
        select(ReviewSubject)
        .options(undefer(ReviewSubject.crop))
        .where(ReviewSubject.label.in_(_TRAINS), ~is_drawn)
        .order_by(ReviewSubject.labeled_at.desc(), ReviewSubject.id)
    )
    if after is not None:
        is_next = and_(ReviewSubject.labeled_at == after.labeled_at, ReviewSubject.id > after.subject_id)
        statement = statement.where(ReviewSubject.labeled_at <= after.labeled_at)
        statement = statement.where(or_(ReviewSubject.labeled_at < after.labeled_at, is_next))
    subjects = session.scalars(statement.limit(limit))
    return [_read(subject, Emotion(subject.label)) for subject in subjects if subject.label is not None]


def list_reviewed(session: Session, *, limit: int) -> list[Correction]:
    """The latest faces whose blind label may judge versions: drawn at random, in their turn, and not trained on in any run.

    Blind votes alone: those who know what the version in service says tend to agree with it, and would favour it.
    """
    statement = (
        select(ReviewSubject)
        .options(undefer(ReviewSubject.crop))
        .where(*_is_evidence())
        .order_by(ReviewSubject.labeled_at.desc(), ReviewSubject.id)
        .limit(limit)
    )
    subjects = session.scalars(statement)
    return [_read(subject, Emotion(subject.blind_label)) for subject in subjects if subject.blind_label is not None]


def count_reviewed(session: Session) -> int:
    """How many faces `list_reviewed` could list."""
    return session.scalar(select(func.count()).select_from(ReviewSubject).where(*_is_evidence())) or 0


def record_corrections(session: Session, run_id: UUID, run_corrections: Iterable[RunCorrection]) -> None:
    """Write down which corrections a run was offered, in place of what was written before."""
    session.execute(delete(TrainingCorrection).where(TrainingCorrection.run_id == run_id))
    session.add_all(
        TrainingCorrection(
            run_id=run_id,
            subject_id=run_correction.subject_id,
            emotion=run_correction.emotion,
            refusal=run_correction.refusal,
        )
        for run_correction in run_corrections
    )


def list_used(session: Session, run_id: UUID) -> list[Correction]:
    """The corrections that teach in a run, with the label that they had at its start; erased ones are gone from it."""
    rows = list(
        session.execute(
            select(ReviewSubject, TrainingCorrection.emotion)
            .options(undefer(ReviewSubject.crop))
            .join(TrainingCorrection, TrainingCorrection.subject_id == ReviewSubject.id)
            .where(TrainingCorrection.run_id == run_id, TrainingCorrection.refusal.is_(None))
            .order_by(ReviewSubject.id)
        )
    )
    return [_read(subject, emotion) for subject, emotion in rows]


def count_corrections(session: Session, run_id: UUID) -> dict[str, int]:
    """How many corrections of a run were used, and how many were left out for each reason."""
    rows = session.execute(
        select(TrainingCorrection.refusal, func.count())
        .where(TrainingCorrection.run_id == run_id)
        .group_by(TrainingCorrection.refusal)
    )
    return {refusal or "used": count for refusal, count in rows}


def has_trained() -> ColumnElement[bool]:
    """Whether a judged face's label has taught in any run, and so can't tell which of two versions is right."""
    return exists().where(TrainingCorrection.subject_id == ReviewSubject.id, TrainingCorrection.refusal.is_(None))


def _is_evidence() -> tuple[ColumnElement[bool], ...]:
    """Faces of the other slice come before people for the doubts of the version in service, which is wrong on them more often."""
    return (ReviewSubject.blind_label.in_(_TRAINS), ReviewSubject.drawn_at.is_not(None), ~has_trained())


def _read(subject: ReviewSubject, emotion: Emotion) -> Correction:
    assert subject.labeled_at is not None
    face_px = min(subject.width, subject.height)
    return Correction(subject.id, emotion, subject.crop, face_px, subject.vote_count, subject.labeled_at)
