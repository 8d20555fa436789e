"""What the client gives back: typed, frozen, and nothing but what the API said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from db.vocabulary import TERMINAL_STATUSES, Emotion, JobStatus


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """Pixels of the upright picture, origin top left."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Face:
    """One face, and what it appears to express.

    probabilities: of all seven emotions, summing to 1. confidence: that of `emotion`. margin: how far ahead of the second.
    is_uncertain: the service itself would rather not say.
    """

    id: UUID
    bounding_box: BoundingBox
    detection_score: float
    emotion: Emotion
    confidence: float
    margin: float
    probabilities: dict[Emotion, float]
    is_uncertain: bool
    model_version: int

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The face that the API described."""
        return cls(
            id=UUID(plain["id"]),
            bounding_box=BoundingBox(**plain["bounding_box"]),
            detection_score=plain["detection_score"],
            emotion=Emotion(plain["emotion"]),
            confidence=plain["confidence"],
            margin=plain["margin"],
            probabilities={Emotion(name): value for name, value in plain["probabilities"].items()},
            is_uncertain=plain["uncertain"],
            model_version=plain["model_version"],
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted photo and what became of it. faces: largest first; empty until `succeeded`, and where there is none.

    error_code, error_detail: why it `failed` or was `canceled`, where that isn't the caller's doing.
    """

    id: UUID
    status: JobStatus
    created_at: datetime
    width: int
    height: int
    filename: str | None
    faces: tuple[Face, ...]
    error_code: str | None
    error_detail: str | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in TERMINAL_STATUSES

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The job that the API described."""
        photo, error = plain["photo"], plain["error"] or {}
        return cls(
            id=UUID(plain["id"]),
            status=JobStatus(plain["status"]),
            created_at=datetime.fromisoformat(plain["created_at"]),
            width=photo["width"],
            height=photo["height"],
            filename=photo["filename"],
            faces=tuple(Face.from_json(face) for face in plain["faces"]),
            error_code=error.get("code"),
            error_detail=error.get("detail"),
        )
