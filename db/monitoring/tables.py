"""The table of worker processes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.core.base import Base
from db.core.types import utcnow
from db.core.vocabulary import Detector, WorkerState


class Worker(Base):
    """A worker process and its last heartbeat."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    state: Mapped[WorkerState]
    detail: Mapped[str | None] = mapped_column(Text)
    """Why it isn't ready, or why it kept an older model."""
    runtime: Mapped[str | None] = mapped_column(String(50))
    detector: Mapped[Detector | None]
    detectors: Mapped[list[str] | None]
    """Detectors that it could load, values of `vocabulary.Detector`. Empty in rows of older releases."""
    options: Mapped[dict[str, Any] | None]
    """Settings that affect its results besides the model: `detector`, `runtime`, `detection_threshold`, `min_face_px`.

    Empty in rows of older releases.
    """
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """Resident memory, if the system reports it."""
    model_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("model_versions.id"))
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    seen_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
