"""What the client gives back: typed, frozen, and nothing but what the API said."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from db.core.vocabulary import TERMINAL_STATUSES, Emotion, JobStatus


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

    def to_json(self) -> dict[str, Any]:
        """The same in the API's own form."""
        plain = asdict(self)
        plain["uncertain"] = plain.pop("is_uncertain")
        return plain | {"id": str(self.id)}


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


@dataclass(frozen=True, slots=True)
class BatchPhoto:
    """One photo of a batch. position: its rank in the submission, from 0. state: its job's status, or `refused`.

    job_id: None if it was refused. error_code, error_detail: why it was refused, or why its job has no result.
    """

    position: int
    filename: str | None
    state: str
    job_id: UUID | None
    face_count: int | None
    error_code: str | None
    error_detail: str | None

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The photo that the API described."""
        error = plain["error"] or {}
        return cls(
            position=plain["position"],
            filename=plain["filename"],
            state=plain["state"],
            job_id=UUID(plain["job_id"]) if plain["job_id"] else None,
            face_count=plain["face_count"],
            error_code=error.get("code"),
            error_detail=error.get("detail"),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos submitted in one call. has_ended: whether every photo was refused or its job has ended.

    The faces are in the jobs: `client.list_jobs(batch=str(batch.id))`.
    """

    id: UUID
    has_ended: bool
    photos: tuple[BatchPhoto, ...]

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The batch that the API described."""
        photos = tuple(BatchPhoto.from_json(photo) for photo in plain["photos"])
        return cls(id=UUID(plain["id"]), has_ended=plain["is_done"], photos=photos)
