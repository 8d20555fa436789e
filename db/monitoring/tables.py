"""The table of worker children."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.core.base import Base
from db.core.types import utcnow
from db.core.vocabulary import Detector, WorkerState


class Worker(Base):
    """A worker child and its last sign of life."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    state: Mapped[WorkerState]
    detail: Mapped[str | None] = mapped_column(Text)
    """Why it could not get ready, or why it kept an older model."""
    runtime: Mapped[str | None] = mapped_column(String(50))
    detector: Mapped[Detector | None]
    detectors: Mapped[list[str] | None]
    """Words of `vocabulary.Detector`: those that it could load. Empty in rows of an older release."""
    options: Mapped[dict[str, Any] | None]
    """What decides its results beside the model: `detector`, `runtime`, `detection_threshold`, `min_face_px`. Empty in rows of an
    older release."""
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """Resident, where the system tells."""
    model_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("model_versions.id"))
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    seen_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
