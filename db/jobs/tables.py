"""The tables of jobs: batches, jobs, their events, idempotency keys."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from db.accounts.tables import Application
from db.core.actors import ActorColumns
from db.core.base import Base
from db.core.types import utcnow
from db.core.vocabulary import Detector, JobStatus, Priority

if TYPE_CHECKING:
    from db.faces.tables import Face


_HAS_ERROR = text("error_code IS NOT NULL")
IS_ACTIVE_IN_BATCH = text("batch_id IS NOT NULL AND status IN ('queued', 'running')")
"""Covered by a partial index, so that the end of a batch of any size is found at once."""


class Batch(Base):
    """Photos that belong together, submitted in one call or several. `db/jobs/batches.py` explains its counts."""

    __tablename__ = "batches"
    __table_args__ = (Index(None, "application_id", "id"), Index(None, "finished_at", "closed_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    closed_at: Mapped[datetime | None]
    """When it was closed to further photos."""
    finished_at: Mapped[datetime | None]
    """When its last job ended. Set together with its event."""
    canceled_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    """When its erasure began; it is hidden from then on."""
    photo_count: Mapped[int] = mapped_column(default=0)
    """Photos sent, including refused ones; also the next photo's position."""
    refused_count: Mapped[int] = mapped_column(default=0)
    refused: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]", deferred=True)
    """Written by releases before 0016, which may run at the same time. The current counts are in `BatchRefusal`."""


class BatchRefusal(Base):
    """A photo of a batch that was not accepted."""

    __tablename__ = "batch_refusals"

    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str | None] = mapped_column(String(255))
    code: Mapped[str] = mapped_column(String(50))
    detail: Mapped[str] = mapped_column(Text)


class BatchCount(Base):
    """Ended and erased jobs of a batch. The counts are sums over all lanes."""

    __tablename__ = "batch_counts"

    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    lane: Mapped[int] = mapped_column(primary_key=True)
    succeeded: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    canceled: Mapped[int] = mapped_column(default=0)
    erased: Mapped[int] = mapped_column(default=0)


class Job(Base):
    """One photo to analyse, and its result. Only `db/jobs/lifecycle.py` changes its status."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "application_id", "id"),
        Index(None, "application_id", "status", "id"),
        Index(None, "status", "id"),
        Index(None, "status", "lease_expires_at"),
        Index(None, "status", "deadline_at"),
        Index(None, "batch_id", "batch_position"),
        Index(
            "ix_jobs_batch_id_active", "batch_id", sqlite_where=IS_ACTIVE_IN_BATCH, postgresql_where=IS_ACTIVE_IN_BATCH
        ),
        Index(None, "purge_photo_at"),
        Index(None, "photo_sha256"),
        Index(None, "error_code", "id", sqlite_where=_HAS_ERROR, postgresql_where=_HAS_ERROR),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    key_id: Mapped[UUID | None]
    """The API key of the submission, for counting its faces. May be deleted before its jobs."""
    request_id: Mapped[str | None] = mapped_column(String(64))
    """Request id of the submission, in every log line of the job."""
    traceparent: Mapped[str | None] = mapped_column(String(55))
    """Span of the submission in W3C Trace Context, if it is traced."""
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="SET NULL"))
    batch_position: Mapped[int | None]

    status: Mapped[JobStatus] = mapped_column(default=JobStatus.QUEUED)
    revision: Mapped[int] = mapped_column(default=0)
    """Number of transitions; used as the job's ETag."""
    priority: Mapped[Priority] = mapped_column(default=Priority.INTERACTIVE)

    # Options
    detector: Mapped[Detector | None]
    min_face_px: Mapped[int | None]
    deadline_at: Mapped[datetime | None]
    photo_retention_s: Mapped[float]
    callback_url: Mapped[str | None] = mapped_column(Text)

    # The photo; its bytes are in the blob store under `photo_key`
    filename: Mapped[str | None] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(50))
    photo_key: Mapped[str | None] = mapped_column(String(200))
    """Null before the photo is fetched, and after it is deleted. Until it is fetched, its other columns are empty or 0."""
    source_url: Mapped[str | None] = mapped_column(Text)
    """URL from which the photo is fetched, if it wasn't uploaded."""
    photo_sha256: Mapped[str] = mapped_column(String(64))
    photo_bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    """Pixels of the upright photo."""
    height: Mapped[int]
    purge_photo_at: Mapped[datetime | None]

    # Lease
    attempt: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    """When its message was last sent."""

    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    # Result
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_detail: Mapped[str | None] = mapped_column(Text)
    face_count: Mapped[int | None]
    timings_ms: Mapped[dict[str, Any] | None]

    application: Mapped[Application] = relationship(lazy="raise")
    faces: Mapped[list["Face"]] = relationship(order_by="Face.position", passive_deletes=True)
    events: Mapped[list["JobEvent"]] = relationship(order_by="JobEvent.id", passive_deletes=True)


class PhotoFetch(Base):
    """A photo to be fetched. The row is deleted when the photo is stored or its job has ended."""

    __tablename__ = "photo_fetches"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)


class JobEvent(ActorColumns, Base):
    """One transition of a job, with actor and reason."""

    __tablename__ = "job_events"

    # SQLite assigns ids only to a key of type INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    from_status: Mapped[JobStatus | None]
    to_status: Mapped[JobStatus]
    attempt: Mapped[int]
    detail: Mapped[str | None] = mapped_column(Text)


class IdempotencyKey(Base):
    """A submission that can be repeated without creating a second job."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("application_id", "key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the first request's contents."""
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
