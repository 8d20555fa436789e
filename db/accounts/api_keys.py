"""Applications and their API keys. Every change of a key is logged."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.signing_secrets import make_secret
from db.accounts.tables import ApiKey, Application
from db.core.actors import COMMAND_LINE, Actor
from db.core.types import utcnow
from db.core.upsert import insert_if_new
from db.core.vocabulary import Scope

ALL_APPLICATIONS = "all"
"""What lists of jobs take in place of an application's name."""

_MOST_NAME_CHARACTERS = 100
_KEY_PREFIX = "emo_"
_SHOWN_CHARACTERS = 12
_LAST_USED_GRAIN = timedelta(minutes=1)
"""How exact `last_used_at` is: one write a minute and key, not one a request."""


def clean_name(name: str) -> str:
    """An application's name as people give it, without spaces around it. Raises ValueError for one that nobody could ask for."""
    cleaned = name.strip()
    if not 1 <= len(cleaned) <= _MOST_NAME_CHARACTERS:
        raise ValueError(
            f"an application's name has 1 to {_MOST_NAME_CHARACTERS} characters, spaces around it not counted"
        )
    if not cleaned.isprintable():
        raise ValueError("an application's name is one line, without tabs")
    if cleaned.lower() == ALL_APPLICATIONS:
        raise ValueError(f"no application can be called {cleaned!r}: in a list of jobs that means all of them")
    return cleaned


def ensure_application(session: Session, name: str) -> Application:
    """The application of that name, made if there is none."""
    application = session.scalar(select(Application).where(Application.name == name))
    if application is None:
        insert_if_new(session, Application, name=name, callback_secret=make_secret())
        application = session.scalars(select(Application).where(Application.name == name)).one()
    return application


def find_application_id(session: Session, name: str) -> UUID | None:
    """Id of the application of that name, or None."""
    return session.scalar(select(Application.id).where(Application.name == name))


def get_application(session: Session, application_id: UUID) -> Application:
    """The application. Raises NoResultFound if it is gone."""
    return session.get_one(Application, application_id)


def list_applications(session: Session) -> Sequence[Application]:
    """All applications, by name."""
    return session.scalars(select(Application).order_by(Application.name)).all()


def create_key(
    session: Session, application: Application, scopes: Iterable[Scope] = (Scope.SUBMIT,), actor: Actor = COMMAND_LINE
) -> str:
    """Make a new key for the application, that may do what `scopes` say. Returns it; it can't be read again later."""
    key = _KEY_PREFIX + secrets.token_urlsafe(32)
    prefix, words = key[:_SHOWN_CHARACTERS], [scope.value for scope in Scope if scope in set(scopes)]
    session.add(ApiKey(application_id=application.id, prefix=prefix, key_hash=_hash(key), scopes=words))
    record_audit_event(session, actor, "key.create", f"key:{prefix}", application=application.name, scopes=words)
    return key


def widen_key(session: Session, key: ApiKey, scopes: Iterable[Scope], actor: Actor) -> None:
    """Let a key do what `scopes` say too. Does nothing where it may already."""
    words = [scope.value for scope in Scope if scope in set(scopes) or scope.value in key.scopes]
    if words != key.scopes:
        record_audit_event(session, actor, "key.widen", f"key:{key.prefix}", before=key.scopes, after=words)
        key.scopes = words


def find_key(session: Session, key: str) -> ApiKey | None:
    """The valid key with its application, or None if it is unknown or revoked."""
    return session.scalar(select(ApiKey).where(ApiKey.key_hash == _hash(key), ApiKey.revoked_at.is_(None)))


@dataclass(frozen=True, slots=True)
class CallerKey:
    """What a request needs of its key. scopes: words of `vocabulary.Scope`."""

    id: UUID
    application_id: UUID
    application_name: str
    scopes: Sequence[str]
    last_used_at: datetime | None


_FIND_CALLER_KEY = (
    select(ApiKey.id, ApiKey.application_id, Application.name, ApiKey.scopes, ApiKey.last_used_at)
    .join(Application, Application.id == ApiKey.application_id)
    .where(ApiKey.key_hash == bindparam("key_hash"), ApiKey.revoked_at.is_(None))
)


def find_caller_key(connection: Connection, key: str) -> CallerKey | None:
    """The valid key, or None if it is unknown or revoked. Asked at every request, so that a revoked key is refused at once."""
    found = connection.execute(_FIND_CALLER_KEY, {"key_hash": _hash(key)}).first()
    return None if found is None else CallerKey(*found)


def is_use_recorded(key: CallerKey) -> bool:
    """Whether `last_used_at` is fresh enough to leave it."""
    return key.last_used_at is not None and utcnow() - key.last_used_at < _LAST_USED_GRAIN


def record_use(session: Session, key_id: UUID) -> None:
    """Set a key's `last_used_at` to now."""
    key = session.get(ApiKey, key_id)
    if key is not None:
        key.last_used_at = utcnow()


def list_keys(session: Session) -> Sequence[ApiKey]:
    """All keys with their applications, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def revoke_key(session: Session, prefix: str, actor: Actor = COMMAND_LINE) -> bool:
    """Revoke the one valid key that starts with `prefix`. Returns False if none does; ValueError if several do."""
    keys = session.scalars(
        select(ApiKey).where(ApiKey.prefix.startswith(prefix, autoescape=True), ApiKey.revoked_at.is_(None))
    ).all()
    if len(keys) > 1:
        raise ValueError(f"{len(keys)} keys start with {prefix!r}; give more of it")
    for key in keys:
        key.revoked_at = utcnow()
        record_audit_event(session, actor, "key.revoke", f"key:{key.prefix}", application=key.application.name)
    return bool(keys)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
