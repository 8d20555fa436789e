"""Labelled faces as training rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, delete, func, or_, select
from sqlalchemy.orm import Session, undefer

from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.tables import ReviewSubject
from db.training_runs.label_sources import LabelUse, choose_label, matches_use
from db.training_runs.tables import TrainingCorrection


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
    """Whether a run used a correction. refusal: why it was left out, or None if it was used."""

    subject_id: UUID
    emotion: Emotion
    refusal: str | None


def list_corrections(session: Session, *, limit: int, after: Correction | None = None) -> list[Correction]:
    """List the `limit` latest faces with a label for training, newest label first. after: the last one of the previous call."""
    statement = _select(LabelUse.TRAINING)
    if after is not None:
        is_next = and_(ReviewSubject.labeled_at == after.labeled_at, ReviewSubject.id > after.subject_id)
        statement = statement.where(ReviewSubject.labeled_at <= after.labeled_at)
        statement = statement.where(or_(ReviewSubject.labeled_at < after.labeled_at, is_next))
    return [_read(subject, Emotion(label)) for subject, label in session.execute(statement.limit(limit)) if label]


def list_reviewed(session: Session, *, limit: int) -> list[Correction]:
    """List the latest faces whose label can be used to compare two versions."""
    statement = _select(LabelUse.COMPARISON).limit(limit)
    return [_read(subject, Emotion(label)) for subject, label in session.execute(statement) if label]


def count_reviewed(session: Session) -> int:
    """Count the faces that `list_reviewed` could return."""
    return session.scalar(select(func.count()).select_from(ReviewSubject).where(matches_use(LabelUse.COMPARISON))) or 0


def record_corrections(session: Session, run_id: UUID, run_corrections: Iterable[RunCorrection]) -> None:
    """Store the corrections considered by a run, replacing those stored before."""
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
    """List the corrections used by a run, with their labels at its start, without erased ones."""
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
    """Return how many corrections a run used, and how many it left out by reason."""
    rows = session.execute(
        select(TrainingCorrection.refusal, func.count())
        .where(TrainingCorrection.run_id == run_id)
        .group_by(TrainingCorrection.refusal)
    )
    return {refusal or "used": count for refusal, count in rows}


def _select(use: LabelUse) -> Select[ReviewSubject, VoteChoice | None]:
    return (
        select(ReviewSubject, choose_label(use))
        .options(undefer(ReviewSubject.crop))
        .where(matches_use(use))
        .order_by(ReviewSubject.labeled_at.desc(), ReviewSubject.id)
    )


def _read(subject: ReviewSubject, emotion: Emotion) -> Correction:
    assert subject.labeled_at is not None
    face_px = min(subject.width, subject.height)
    return Correction(subject.id, emotion, subject.crop, face_px, subject.vote_count, subject.labeled_at)
