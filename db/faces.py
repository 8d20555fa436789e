"""Faces as stored: what a worker found, and how they are read again."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from db.models import Face, Job, ModelVersion
from db.vocabulary import EMOTIONS, Detector

version_number = joinedload(Face.model_version).load_only(ModelVersion.number)
"""How to load of a face's model version what is shown of it, and not its whole manifest."""


@dataclass(frozen=True, kw_only=True)
class NewFace:
    """One face that a worker found.

    x, y, width, height: bounding box in pixels of the upright picture. probabilities: seven, in the order of EMOTIONS.
    crop: grey uint8 (48, 48), row by row, 2,304 bytes.
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


def add_faces(session: Session, job_id: UUID, faces: Iterable[NewFace]) -> list[Face]:
    """Store a job's faces in the order given, each with its emotion, confidence and margin. Returns them."""
    added = []
    for position, face in enumerate(faces):
        second, first = sorted(face.probabilities)[-2:]
        added.append(
            Face(
                job_id=job_id,
                position=position,
                x=face.x,
                y=face.y,
                width=face.width,
                height=face.height,
                detector=face.detector,
                detection_score=face.detection_score,
                probabilities=list(face.probabilities),
                emotion=EMOTIONS[face.probabilities.index(first)],
                confidence=first,
                margin=first - second,
                model_version_id=face.model_version_id,
                crop=face.crop,
            )
        )
    session.add_all(added)
    session.flush()
    return added


def get_face(session: Session, face_id: UUID, application_id: UUID | None = None) -> Face | None:
    """The face with its crop and its version's number, or None. application_id: look only among that application's faces."""
    statement = select(Face).options(undefer(Face.crop), version_number).where(Face.id == face_id)
    if application_id is not None:
        statement = statement.join(Job, Job.id == Face.job_id).where(Job.application_id == application_id)
    return session.scalar(statement)
