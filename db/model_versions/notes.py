"""Notes on model versions."""

from collections.abc import Sequence
from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.errors import DomainError
from db.model_versions.tables import ModelVersion, ModelVersionNote

MOST_CHARACTERS = 2000


class InvalidNote(DomainError):
    """The note is empty or too long."""

    code = "invalid_note"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid note"
    meaning = f"A note has 1 to {MOST_CHARACTERS:,} characters."


def add_note(session: Session, version: ModelVersion, text: str, actor: Actor) -> ModelVersionNote:
    """Add a note to a version. Raises InvalidNote."""
    text = text.strip()
    if not 1 <= len(text) <= MOST_CHARACTERS:
        raise InvalidNote(f"a note has 1 to {MOST_CHARACTERS} characters")
    note = ModelVersionNote(model_version_id=version.id, text=text, actor=actor)
    session.add(note)
    session.flush()
    record_audit_event(session, actor, "model.note", f"model_version:{version.number}")
    return note


def list_notes(session: Session, version: ModelVersion) -> Sequence[ModelVersionNote]:
    """List the notes on a version, newest first."""
    wanted = select(ModelVersionNote).where(ModelVersionNote.model_version_id == version.id)
    return session.scalars(wanted.order_by(ModelVersionNote.id.desc())).all()
