"""Model versions and their aliases."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.core.actors import EMOSCOPE, Actor
from db.core.errors import DomainError
from db.core.types import utcnow
from db.core.vocabulary import CHALLENGER, CHAMPION, OLD_PRETRAINED_NAMES, PRETRAINED_CHAMPION
from db.model_versions.manifest import Manifest
from db.model_versions.tables import ModelAlias, ModelVersion, Promotion
from db.webhooks.event_types import MODEL_VERSION_PROMOTED, PromotionEventData
from db.webhooks.recording import record_event


class UnknownModelVersion(DomainError):
    """There is no model version with this number."""

    code = "unknown_model_version"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown model version"
    meaning = "There is no model version with this number, or no version is in service yet."


class NothingToRollBack(DomainError):
    """There is no earlier champion to roll back to."""

    code = "nothing_to_roll_back"
    status = HTTPStatus.CONFLICT
    title = "Nothing to roll back"
    meaning = "The version in service is the first one, so there is none to go back to."


class ChampionChanged(DomainError):
    """The version in service, or the previous one, differs from the one that the caller named."""

    code = "champion_changed"
    status = HTTPStatus.CONFLICT
    title = "Champion changed"
    meaning = "The rollback names another version than the one in service, or than the one before it."


def find_version_by_digest(session: Session, digest: str) -> ModelVersion | None:
    """Return the version whose manifest has this SHA-256, or None."""
    return session.scalar(select(ModelVersion).where(ModelVersion.digest == digest))


def add_version(
    session: Session, name: str, digest: str, manifest: dict[str, Any], actor: Actor = EMOSCOPE
) -> ModelVersion:
    """Store a version under the next number, and log it. Its files must already be in the blob store."""
    number = (session.scalar(select(func.max(ModelVersion.number))) or 0) + 1
    architecture = Manifest.read(manifest).architecture
    version = ModelVersion(number=number, name=name, architecture=architecture, digest=digest, manifest=manifest)
    session.add(version)
    session.flush()
    record_audit_event(session, actor, "model.register", f"model_version:{number}", name=name, digest=digest)
    return version


def get_version(session: Session, number: int) -> ModelVersion:
    """Return the version with that number. Raises UnknownModelVersion."""
    version = session.scalar(select(ModelVersion).where(ModelVersion.number == number))
    if version is None:
        raise UnknownModelVersion(f"there is no model version {number}")
    return version


def list_versions(session: Session) -> Sequence[ModelVersion]:
    """All versions, newest first."""
    return session.scalars(select(ModelVersion).order_by(ModelVersion.number.desc())).all()


def get_champion(session: Session) -> ModelVersion | None:
    """Return the version in service, or None before the first promotion."""
    return find_by_alias(session, CHAMPION)


def lock_champion(session: Session) -> ModelVersion | None:
    """Return the version in service and lock the alias until the transaction ends; None before the first promotion."""
    # Two statements: a join would find nothing if it had to wait for another transaction to move the alias.
    version_id = session.scalar(
        select(ModelAlias.model_version_id).where(ModelAlias.alias == CHAMPION).with_for_update()
    )
    return session.get(ModelVersion, version_id) if version_id is not None else None


def find_unused_release(session: Session) -> ModelVersion | None:
    """Return the version that came with a release after the champion was created, if it was never in service; else None.

    It isn't promoted automatically, because users or the gate have chosen the champion. So users are told about it.
    """
    champion = get_champion(session)
    names = [PRETRAINED_CHAMPION, *(old for old, new in OLD_PRETRAINED_NAMES.items() if new == PRETRAINED_CHAMPION)]
    shipped = session.scalar(
        select(ModelVersion).where(ModelVersion.name.in_(names)).order_by(ModelVersion.number.desc()).limit(1)
    )
    if champion is None or shipped is None or shipped.number <= champion.number:
        return None
    was_in_service = select(Promotion.id).where(Promotion.alias == CHAMPION, Promotion.to_version_id == shipped.id)
    return None if session.scalar(was_in_service.limit(1)) is not None else shipped


def get_challenger(session: Session) -> ModelVersion | None:
    """Return the version in shadow mode, or None."""
    return find_by_alias(session, CHALLENGER)


def find_by_alias(session: Session, alias: str) -> ModelVersion | None:
    """Return the version of an alias, or None."""
    return session.scalar(
        select(ModelVersion)
        .join(ModelAlias, ModelAlias.model_version_id == ModelVersion.id)
        .where(ModelAlias.alias == alias)
    )


def promote(
    session: Session, version: ModelVersion, actor: Actor, reason: str, *, action: str = "model.promote"
) -> Promotion | None:
    """Move the champion alias to a version, and record the promotion. Returns None if the version is in service already.

    A promoted challenger leaves shadow mode. action: for the audit log.
    """
    alias = session.scalar(select(ModelAlias).where(ModelAlias.alias == CHAMPION).with_for_update())
    if alias is not None and alias.model_version_id == version.id:
        return None
    previous = alias.model_version_id if alias is not None else None
    if alias is None:
        session.add(ModelAlias(alias=CHAMPION, model_version_id=version.id))
    else:
        alias.model_version_id = version.id
        alias.moved_at = utcnow()
    promotion = Promotion(
        alias=CHAMPION, from_version_id=previous, to_version_id=version.id, actor=actor, reason=reason
    )
    session.add(promotion)
    is_challenger = (ModelAlias.alias == CHALLENGER, ModelAlias.model_version_id == version.id)
    session.execute(delete(ModelAlias).where(*is_challenger))
    session.flush()
    record_audit_event(session, actor, action, f"model_version:{version.number}", reason=reason)
    before = None if previous is None else session.get_one(ModelVersion, previous).number
    data = PromotionEventData(number=version.number, previous=before, reason=reason)
    record_event(session, MODEL_VERSION_PROMOTED, data, application_id=None)
    return promotion


def roll_back(
    session: Session, actor: Actor, reason: str, *, champion: int | None = None, target: int | None = None
) -> tuple[ModelVersion, Promotion]:
    """Promote the previous champion again. A second rollback returns to the version before the first.

    champion, target: expected numbers of the current and the previous version, if given. Raises NothingToRollBack if the champion
    is the first one, ChampionChanged if a number differs.
    """
    # locked first, so that no other transaction moves the alias while the history is read
    present = lock_champion(session)
    latest = session.scalar(select(Promotion).where(Promotion.alias == CHAMPION).order_by(Promotion.id.desc()).limit(1))
    if present is None or latest is None or latest.from_version_id is None:
        raise NothingToRollBack("no version was in service before this one")
    version = session.get_one(ModelVersion, latest.from_version_id)
    if champion not in {None, present.number} or target not in {None, version.number}:
        raise ChampionChanged(f"version {present.number} is in service, and version {version.number} was before it")
    promotion = promote(session, version, actor, reason, action="model.roll_back")
    if promotion is None:  # alias and history are always written together
        raise NothingToRollBack(f"version {version.number} is in service already")
    return version, promotion


def list_promotions(session: Session) -> Sequence[Promotion]:
    """List all promotions, newest first."""
    return session.scalars(select(Promotion).where(Promotion.alias == CHAMPION).order_by(Promotion.id.desc())).all()
