"""The tables. Keys are UUIDv7, so that they sort by time; what is listed, filtered or sorted has its index.

A schema is made by the migrations alone (`db/migrations`); a test compares them with these classes.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from db.columns import UtcDateTime, Word, utcnow
from db.vocabulary import Detector, Emotion, JobStatus, Priority, Scope, WorkerState

_HAS_ERROR = text("error_code IS NOT NULL")


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can speak of it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[float]: JSON,
        list[str]: JSON,
        Emotion: Word(Emotion),
        Detector: Word(Detector),
        JobStatus: Word(JobStatus),
        Priority: Word(Priority),
        WorkerState: Word(WorkerState),
    }


class Application(Base):
    """Who submits photos. It sees its own jobs alone; its keys come and go."""

    __tablename__ = "applications"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    callback_secret: Mapped[str] = mapped_column(String(100))
    """Signs callbacks, in the Standard Webhooks form `whsec_...`."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ApiKey(Base):
    """A key of an application. Only its hash is stored; the prefix lets a person tell keys apart."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"), index=True)
    prefix: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the key. A key is 256 random bits, so a slow password hash would add nothing."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    scopes: Mapped[list[str]] = mapped_column(default=lambda: [Scope.SUBMIT.value], server_default='["submit"]')
    """What the key may do: words of `vocabulary.Scope`."""
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship(lazy="joined")


class Batch(Base):
    """Photos submitted in one call."""

    __tablename__ = "batches"
    __table_args__ = (Index(None, "application_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    refused: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """Photos that were not accepted: position, filename, code and detail of each."""


class Job(Base):
    """One photo to analyse, and what became of it. `db/jobs.py` alone changes its status."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "application_id", "id"),
        Index(None, "application_id", "status", "id"),
        Index(None, "status", "id"),
        Index(None, "status", "lease_expires_at"),
        Index(None, "status", "deadline_at"),
        Index(None, "batch_id", "batch_position"),
        Index(None, "purge_photo_at"),
        Index(None, "photo_sha256"),
        Index(None, "error_code", "id", sqlite_where=_HAS_ERROR, postgresql_where=_HAS_ERROR),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="SET NULL"))
    batch_position: Mapped[int | None]

    status: Mapped[JobStatus] = mapped_column(default=JobStatus.QUEUED)
    revision: Mapped[int] = mapped_column(default=0)
    """Counts the moves; it is the job's ETag."""
    priority: Mapped[Priority] = mapped_column(default=Priority.INTERACTIVE)

    # What was asked for
    detector: Mapped[Detector | None]
    min_face_px: Mapped[int | None]
    deadline_at: Mapped[datetime | None]
    photo_retention_s: Mapped[float]
    callback_url: Mapped[str | None] = mapped_column(Text)

    # The photo; its bytes lie in the blob store under `photo_key`
    filename: Mapped[str | None] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(50))
    photo_key: Mapped[str | None] = mapped_column(String(200))
    """Empty once the photo is purged."""
    photo_sha256: Mapped[str] = mapped_column(String(64))
    photo_bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    """Pixels of the upright picture."""
    height: Mapped[int]
    purge_photo_at: Mapped[datetime | None]

    # Who works on it
    attempt: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    """When its message last went to the queue."""

    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    # What came of it
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_detail: Mapped[str | None] = mapped_column(Text)
    face_count: Mapped[int | None]
    timings_ms: Mapped[dict[str, Any] | None]

    application: Mapped[Application] = relationship(lazy="raise")
    faces: Mapped[list["Face"]] = relationship(order_by="Face.position", passive_deletes=True)
    events: Mapped[list["JobEvent"]] = relationship(order_by="JobEvent.id", passive_deletes=True)


class JobEvent(Base):
    """One move of a job, with who made it and why."""

    __tablename__ = "job_events"

    # SQLite numbers rows by itself only where the key is a plain INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    from_status: Mapped[JobStatus | None]
    to_status: Mapped[JobStatus]
    attempt: Mapped[int]
    actor: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str | None] = mapped_column(Text)


class IdempotencyKey(Base):
    """A submission that can be repeated without a second job."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("application_id", "key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of all that the first request asked for."""
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Face(Base):
    """One face of a photo, with what it appears to express."""

    __tablename__ = "faces"
    __table_args__ = (
        UniqueConstraint("job_id", "position"),
        Index(None, "emotion", "job_id"),
        Index(None, "model_version_id", "id"),
        Index(None, "margin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    position: Mapped[int]
    """Rank in the photo, largest face first, from 0."""

    x: Mapped[int]
    y: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    """The bounding box, in pixels of the upright picture, origin top left."""
    detector: Mapped[Detector]
    detection_score: Mapped[float]

    probabilities: Mapped[list[float]]
    """Seven, in the order of `vocabulary.EMOTIONS`, summing to 1."""
    emotion: Mapped[Emotion]
    confidence: Mapped[float]
    margin: Mapped[float]
    """Confidence less the second largest probability: small where the model hesitates."""
    model_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    crop: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """Grey uint8 (48, 48), row by row: exactly what the model saw."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    model_version: Mapped["ModelVersion"] = relationship()
    """Load it with `db.faces.version_number`: its manifest is 20 kB, and a list of jobs has hundreds of faces."""


class ModelVersion(Base):
    """A trained model. Never changed once stored."""

    __tablename__ = "model_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    number: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(100))
    architecture: Mapped[str] = mapped_column(String(50))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the manifest, which holds those of all files: the version's identity."""
    manifest: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ModelAlias(Base):
    """A name that points at one model version. `champion` is the version in service."""

    __tablename__ = "model_aliases"

    alias: Mapped[str] = mapped_column(String(50), primary_key=True)
    model_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    moved_at: Mapped[datetime] = mapped_column(default=utcnow)


class Promotion(Base):
    """One move of an alias: who, when, why."""

    __tablename__ = "promotions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    alias: Mapped[str] = mapped_column(String(50), index=True)
    from_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("model_versions.id"))
    to_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    actor: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utcnow)
