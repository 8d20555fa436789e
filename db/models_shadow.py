"""The table of shadow mode: what a challenger says of live faces, which nobody is told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.columns import utcnow
from db.models import Base
from db.vocabulary import Emotion


class ShadowJudgment(Base):
    """What a version that isn't in service says of a face, beside what the version in service said of it."""

    __tablename__ = "shadow_judgments"
    # Two versions are compared from this alone, however many faces both judged.
    __table_args__ = (Index(None, "model_version_id", "judged_by_id", "differs", "face_id"),)

    face_id: Mapped[UUID] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    model_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    """The challenger of that time."""
    judged_by_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    """The version that the face's stored answer is from."""
    probabilities: Mapped[list[float]]
    """Seven, in the order of `vocabulary.EMOTIONS`, summing to 1."""
    emotion: Mapped[Emotion]
    confidence: Mapped[float]
    differs: Mapped[bool]
    """Whether the emotion is another one than the stored answer's."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
