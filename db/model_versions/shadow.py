"""Shadow mode: the challenger also classifies live faces, without anybody seeing its predictions."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, undefer

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.errors import DomainError
from db.core.types import utcnow
from db.core.vocabulary import CHALLENGER, EMOTIONS
from db.faces.tables import Face
from db.model_versions.actions import get_challenger, get_champion
from db.model_versions.tables import ModelAlias, ModelVersion, ShadowPrediction


class AlreadyInService(DomainError):
    """The version is the champion, so it classifies every face already."""

    code = "already_in_service"
    status = HTTPStatus.CONFLICT
    title = "Already in service"
    meaning = "The version is in service, so it can't run in shadow mode."


class NoChallenger(DomainError):
    """No version is in shadow mode."""

    code = "no_challenger"
    status = HTTPStatus.NOT_FOUND
    title = "No challenger"
    meaning = "No version runs in shadow mode."


def start_shadow(session: Session, version: ModelVersion, actor: Actor, reason: str) -> bool:
    """Make a version the challenger, replacing another one. Returns whether this changed anything.

    Workers load it within seconds, between jobs. Raises AlreadyInService for the champion.
    """
    champion = get_champion(session)
    if champion is not None and champion.id == version.id:
        raise AlreadyInService(f"version {version.number} is in service, so it classifies every face already")
    alias = session.scalar(select(ModelAlias).where(ModelAlias.alias == CHALLENGER).with_for_update())
    if alias is not None and alias.model_version_id == version.id:
        return False
    if alias is None:
        session.add(ModelAlias(alias=CHALLENGER, model_version_id=version.id))
    else:
        alias.model_version_id, alias.moved_at = version.id, utcnow()
    session.flush()
    record_audit_event(session, actor, "model.shadow", f"model_version:{version.number}", reason=reason)
    return True


def stop_shadow(session: Session, actor: Actor) -> ModelVersion:
    """End shadow mode. The challenger's predictions are kept. Returns the former challenger; raises NoChallenger."""
    version = get_challenger(session)
    if version is None:
        raise NoChallenger("no version runs in shadow mode")
    session.execute(delete(ModelAlias).where(ModelAlias.alias == CHALLENGER))
    record_audit_event(session, actor, "model.shadow_end", f"model_version:{version.number}")
    return version


def list_faces_to_classify(session: Session, job_id: UUID, challenger_id: UUID) -> Sequence[Face]:
    """List a job's faces with their crops, except those that the challenger classified itself as the champion."""
    statement = (
        select(Face)
        .options(undefer(Face.crop))
        .where(Face.job_id == job_id, Face.model_version_id != challenger_id)
        .order_by(Face.position)
    )
    return session.scalars(statement).all()


def add_shadow_predictions(session: Session, challenger_id: UUID, answers: Mapping[UUID, Sequence[float]]) -> None:
    """Store predictions of the challenger. answers: seven probabilities by face id; faces erased in the meantime are left out."""
    faces = session.scalars(select(Face).where(Face.id.in_(answers)).with_for_update(key_share=True, of=Face))
    for face in faces:
        probabilities = list(answers[face.id])
        confidence = max(probabilities)
        emotion = EMOTIONS[probabilities.index(confidence)]
        session.add(
            ShadowPrediction(
                face_id=face.id,
                model_version_id=challenger_id,
                predicted_by_id=face.model_version_id,
                probabilities=probabilities,
                emotion=emotion,
                confidence=confidence,
                differs=emotion is not face.emotion,
            )
        )
