"""The tables of model versions: versions, aliases, promotions, and shadow predictions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from db.core.actors import ActorColumns
from db.core.base import Base
from db.core.types import utcnow
from db.core.vocabulary import Emotion
from db.model_versions.manifest import Manifest


class ModelVersion(Base):
    """A trained model. It never changes once stored."""

    __tablename__ = "model_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    number: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(100))
    architecture: Mapped[str] = mapped_column(String(50))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the manifest, which contains those of all files: the version's identity."""
    manifest: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    @property
    def document(self) -> Manifest:
        """The parsed manifest."""
        return Manifest.read(self.manifest)


class ModelVersionNote(ActorColumns, Base):
    """A user's note on a version."""

    __tablename__ = "model_version_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    model_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utcnow)


class ModelAlias(Base):
    """A name that points at one model version. `champion` is the version in service."""

    __tablename__ = "model_aliases"

    alias: Mapped[str] = mapped_column(String(50), primary_key=True)
    model_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    moved_at: Mapped[datetime] = mapped_column(default=utcnow)


class Promotion(ActorColumns, Base):
    """One move of an alias: actor, time, reason."""

    __tablename__ = "promotions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    alias: Mapped[str] = mapped_column(String(50), index=True)
    from_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("model_versions.id"))
    to_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utcnow)


class ShadowPrediction(Base):
    """A challenger's prediction for a face, beside that of the version in service."""

    __tablename__ = "shadow_predictions"
    # Versions are compared by this index alone, however many faces both classified.
    __table_args__ = (Index(None, "model_version_id", "predicted_by_id", "differs", "face_id"),)

    face_id: Mapped[UUID] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    model_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    """The challenger at that time."""
    predicted_by_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    """The version of the face's stored prediction."""
    probabilities: Mapped[list[float]]
    """Seven, in the order of `vocabulary.EMOTIONS`, summing to 1."""
    emotion: Mapped[Emotion]
    confidence: Mapped[float]
    differs: Mapped[bool]
    """Whether the emotion differs from the stored prediction's."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
