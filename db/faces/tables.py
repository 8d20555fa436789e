"""The tables of faces: detected faces, and hourly counts."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import (
    REAL,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from db.core.base import Base
from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Detector, Emotion, FaceCondition

if TYPE_CHECKING:
    from db.model_versions.tables import ModelVersion


class Face(Base):
    """A face in a photo, with the emotion that it appears to express."""

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
    """The bounding box, in pixels of the upright photo, origin top left."""
    detector: Mapped[Detector]
    detection_score: Mapped[float]
    detection_threshold: Mapped[float | None] = mapped_column(REAL)
    """Detection threshold of the worker. This and `runtime` are null for faces of older releases."""
    runtime: Mapped[str | None] = mapped_column(String(50))
    """Runtime of the network: `litert`, `litert-int8` (quantized to 8 bits) or `tensorflow`."""

    probabilities: Mapped[list[float]]
    """Seven, in the order of `vocabulary.EMOTIONS`, summing to 1."""
    emotion: Mapped[Emotion]
    confidence: Mapped[float]
    margin: Mapped[float]
    """Confidence minus the second largest probability: small if the model was uncertain."""
    vote_shares: Mapped[list[float] | None]
    """Estimated share of people who would choose each emotion, in the same order; null for faces of older releases."""
    conditions: Mapped[list[str] | None]
    """What makes the face hard to classify, values of `vocabulary.FaceCondition`; null as above."""
    landmarks: Mapped[list[float] | None]
    """x and y of each landmark in turn, in the order of `vocabulary.Detector`. This and the next five are null for faces of older
    releases: see `db.faces.measures.FaceMeasures`.
    """
    roll_deg: Mapped[float | None] = mapped_column(REAL)
    yaw_deg: Mapped[float | None] = mapped_column(REAL)
    sharpness: Mapped[float | None] = mapped_column(REAL)
    brightness: Mapped[float | None] = mapped_column(REAL)
    inside_share: Mapped[float | None] = mapped_column(REAL)
    model_version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"))
    crop: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """Grey uint8 (48, 48), row by row: the input of the model."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    model_version: Mapped["ModelVersion"] = relationship()
    """Load it with `db.faces.queries.version_number`: its manifest is 20 kB, and a list of jobs has hundreds of faces."""

    @property
    def ambiguity(self) -> float | None:
        """Entropy of the vote shares, divided by that of a uniform distribution: 0 if all agree, 1 if all emotions are equally
        likely.
        """
        return measure_ambiguity(self.vote_shares)

    @property
    def second(self) -> tuple[Emotion, float]:
        """The second most likely emotion and its probability."""
        place = max(
            (place for place in range(len(EMOTIONS)) if EMOTIONS[place] is not self.emotion),
            key=self.probabilities.__getitem__,
        )
        return EMOTIONS[place], self.probabilities[place]

    def is_uncertain(self, below: float) -> bool:
        """Return whether the prediction is unreliable: its confidence is below `below`, or the face seems covered."""
        return self.confidence < below or FaceCondition.COVERED in (self.conditions or ())


def measure_ambiguity(shares: Sequence[float] | None) -> float | None:
    """As `Face.ambiguity`, from vote shares alone."""
    if shares is None:
        return None
    entropy = -sum(share * math.log(share) for share in shares if share > 0)
    return min(1.0, entropy / math.log(len(shares)))


class FaceHour(Base):
    """Faces that were stored in one hour and appear to express one emotion.

    The counts are sums over all lanes; see db/faces/hourly_counts.py.
    """

    __tablename__ = "face_hours"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    emotion: Mapped[Emotion] = mapped_column(primary_key=True)
    lane: Mapped[int] = mapped_column(primary_key=True)
    faces: Mapped[int]
    confidence_sum: Mapped[float]
    face_px_sum: Mapped[int] = mapped_column(BigInteger)
