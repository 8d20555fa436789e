"""The tables of training runs: runs, and their corrections."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from db.core.actors import ActorColumns
from db.core.base import Base
from db.core.types import Word, utcnow
from db.core.vocabulary import Emotion, TrainingRunStatus, TrainingTrigger
from db.model_versions.tables import ModelVersion


class TrainingRun(ActorColumns, Base):
    """A training run. Only `db/training_runs/lifecycle.py` changes its status."""

    __tablename__ = "training_runs"
    __table_args__ = (Index(None, "status", "lease_expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    status: Mapped[TrainingRunStatus] = mapped_column(Word(TrainingRunStatus), default=TrainingRunStatus.QUEUED)
    lane: Mapped[str | None] = mapped_column(String(20), unique=True)
    """A constant while the run is queued or running, then null; its unique constraint allows one active run at a time."""
    trigger: Mapped[TrainingTrigger] = mapped_column(Word(TrainingTrigger))
    slot: Mapped[datetime | None] = mapped_column(unique=True)
    """Time of the schedule for which the run was started; unique, so that two beats start one run."""
    options: Mapped[dict[str, Any]]
    """Options: `from_scratch`, and `epochs` if given."""

    # Lease
    attempt: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    cancel_requested_by: Mapped[str | None] = mapped_column(String(200))

    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    # Data
    dataset_sha256: Mapped[str | None] = mapped_column(String(64))
    """Digest of the CSV's rows, without corrections."""
    audit: Mapped[dict[str, Any] | None]
    """Contents of CSV and corrections: rows by split and class, invalid rows, copies, corrections used and left out."""
    champion_id: Mapped[UUID | None] = mapped_column(ForeignKey("model_versions.id"))

    # Progress
    progress: Mapped[dict[str, Any] | None]
    """Step, epoch, epochs, loss, accuracy, seconds left, and the curves so far."""

    # Result
    challenger_id: Mapped[UUID | None] = mapped_column(ForeignKey("model_versions.id"))
    gate: Mapped[dict[str, Any] | None]
    """The gate's metrics and checks."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the challenger was promoted or rejected, or who canceled the run."""
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_detail: Mapped[str | None] = mapped_column(Text)

    champion: Mapped[ModelVersion | None] = relationship(foreign_keys=[champion_id])
    challenger: Mapped[ModelVersion | None] = relationship(foreign_keys=[challenger_id])


class TrainingCorrection(Base):
    """A correction considered by a run. Deleted when its face is erased."""

    __tablename__ = "training_corrections"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("training_runs.id", ondelete="CASCADE"), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(
        ForeignKey("review_subjects.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    emotion: Mapped[Emotion]
    """The label at the run's start."""
    refusal: Mapped[str | None] = mapped_column(String(50))
    """Why it was left out; empty if it was used."""
