"""Reads stored faces."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from db.faces.tables import Face
from db.jobs.tables import Job
from db.model_versions.tables import ModelVersion

version_number = joinedload(Face.model_version).load_only(ModelVersion.number)
"""Loads the displayed columns of a face's model version, without its manifest."""


def get_face(session: Session, face_id: UUID, application_id: UUID | None = None) -> Face | None:
    """Return the face with its crop and its version's number, or None. application_id: only among that application's faces."""
    statement = select(Face).options(undefer(Face.crop), version_number).where(Face.id == face_id)
    if application_id is not None:
        statement = statement.join(Job, Job.id == Face.job_id).where(Job.application_id == application_id)
    return session.scalar(statement)
