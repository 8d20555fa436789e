"""Stores the faces that an analysis found."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from db.core.rows import get_table, list_empty, make_object
from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Detector, FaceCondition
from db.faces.measures import FaceMeasures
from db.faces.tables import Face

_INSERT = insert(get_table(Face))
_EMPTY = list_empty(Face)


@dataclass(frozen=True, kw_only=True)
class NewFace:
    """A face that a worker found.

    x, y, width, height: bounding box in pixels of the upright photo.
    probabilities: seven, in the order of EMOTIONS.
    crop: grey uint8 (48, 48), row by row, 2,304 bytes.
    vote_shares: seven, in the same order.
    conditions: what makes the face hard to classify.
    measures: its landmarks, pose and image quality.
    """

    x: int
    y: int
    width: int
    height: int
    detector: Detector
    detection_score: float
    probabilities: tuple[float, ...]
    model_version_id: UUID
    crop: bytes
    vote_shares: tuple[float, ...] | None = None
    conditions: tuple[FaceCondition, ...] | None = None
    measures: FaceMeasures | None = None
    detection_threshold: float | None = None
    """The worker's detection threshold. With `runtime` it records the settings by which the face was found."""
    runtime: str | None = None


def add_faces(session: Session, job_id: UUID, faces: Iterable[NewFace]) -> list[Face]:
    """Store a job's faces in the given order, each with its emotion, confidence and margin.

    Returns them; they belong to no session.
    """
    now, rows = utcnow(), []
    for position, face in enumerate(faces):
        second, first = sorted(face.probabilities)[-2:]
        rows.append(
            _EMPTY
            | {
                "id": uuid7(),
                "job_id": job_id,
                "position": position,
                "x": face.x,
                "y": face.y,
                "width": face.width,
                "height": face.height,
                "detector": face.detector,
                "detection_score": face.detection_score,
                "detection_threshold": face.detection_threshold,
                "runtime": face.runtime,
                "probabilities": list(face.probabilities),
                "emotion": EMOTIONS[face.probabilities.index(first)],
                "confidence": first,
                "margin": first - second,
                "model_version_id": face.model_version_id,
                "crop": face.crop,
                "vote_shares": None if face.vote_shares is None else list(face.vote_shares),
                "conditions": None if face.conditions is None else [condition.value for condition in face.conditions],
                "created_at": now,
            }
            | ({} if face.measures is None else face.measures.to_columns())
        )
    if rows:
        session.execute(_INSERT, rows)
    return [make_object(Face, row) for row in rows]
