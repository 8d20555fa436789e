"""Applications and their API keys. Every change of a key is logged."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.key_use import hash_key
from db.accounts.signing_secrets import make_secret
from db.accounts.tables import TEST_PREFIX, ApiKey, Application
from db.core.actors import COMMAND_LINE, Actor
from db.core.errors import DomainError
from db.core.types import utcnow
from db.core.upsert import insert_if_new
from db.core.vocabulary import Purpose, Scope

ALL_APPLICATIONS = "all"
"""Reserved: in place of an application's name it lists the jobs of all applications."""

_MOST_NAME_CHARACTERS = 100
_KEY_PREFIX = "emo_"
_SHOWN_CHARACTERS = 12
_SHOWN_TEST_CHARACTERS = 16


def clean_name(name: str) -> str:
    """Strip an application's name. Raises ValueError if it is empty, too long, reserved, or has more than one line."""
    cleaned = name.strip()
    if not 1 <= len(cleaned) <= _MOST_NAME_CHARACTERS:
        raise ValueError(
            f"an application's name has 1 to {_MOST_NAME_CHARACTERS} characters, not counting spaces around it"
        )
    if not cleaned.isprintable():
        raise ValueError("an application's name is one line, without tabs")
    if cleaned.lower() == ALL_APPLICATIONS:
        raise ValueError(f"no application can be called {cleaned!r}: it is reserved for lists of all jobs")
    return cleaned


def ensure_application(session: Session, name: str) -> Application:
    """Return the application with that name; create it if there is none."""
    application = session.scalar(select(Application).where(Application.name == name))
    if application is None:
        insert_if_new(session, Application, name=name, callback_secret=make_secret())
        application = session.scalars(select(Application).where(Application.name == name)).one()
    return application


def find_application_id(session: Session, name: str) -> UUID | None:
    """Return the id of the application with that name, or None."""
    return session.scalar(select(Application.id).where(Application.name == name))


def get_application(session: Session, application_id: UUID) -> Application:
    """Return the application. Raises NoResultFound if it was deleted."""
    return session.get_one(Application, application_id)


def list_applications(session: Session) -> Sequence[Application]:
    """List all applications by name."""
    return session.scalars(select(Application).order_by(Application.name)).all()


class PurposeForbidden(DomainError):
    """The declared purpose is forbidden by law."""

    code = "purpose_forbidden"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Purpose forbidden"
    meaning = (
        "Inferring the emotions of people at work or in education is forbidden (EU AI Act, Art. 5(1)(f)), except "
        "for medical and safety reasons. If that is your purpose, declare `medical` or `safety`."
    )


class TestKeyScope(DomainError):
    """A test key can't have these scopes."""

    code = "test_key_scope"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Scope of a test key"
    meaning = "A test key can have the scope `submit` only."


class UnknownKey(DomainError):
    """No valid key has this prefix, or more than one has."""

    code = "unknown_key"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown key"
    meaning = "No valid key begins with this prefix, or more than one does."


@dataclass(frozen=True, kw_only=True)
class KeyTerms:
    """Name and limits of a key.

    expires_at: None for never.
    rate_limit: `number/second|minute|hour`, None for the setting's.
    daily_quota: photos per day (UTC).
    """

    description: str | None = None
    expires_at: datetime | None = None
    rate_limit: str | None = None
    daily_quota: int | None = None


def create_key(
    session: Session,
    application: Application,
    scopes: Iterable[Scope] = (Scope.SUBMIT,),
    actor: Actor = COMMAND_LINE,
    terms: KeyTerms = KeyTerms(),
    *,
    is_test: bool = False,
) -> str:
    """Create a key for the application. Returns the key, which is stored only as a hash.

    is_test: whether its requests are answered without a worker and kept apart from real data. Raises TestKeyScope.
    """
    if is_test and set(scopes) != {Scope.SUBMIT}:
        raise TestKeyScope("a test key can only submit: its scope is `submit`")
    key = (TEST_PREFIX if is_test else _KEY_PREFIX) + secrets.token_urlsafe(32)
    if key.startswith(TEST_PREFIX) != is_test:  # a collision has a probability of about 1 in 10^9
        return create_key(session, application, scopes, actor, terms, is_test=is_test)
    prefix, words = show_start(key), [scope.value for scope in Scope if scope in set(scopes)]
    row = ApiKey(application_id=application.id, prefix=prefix, key_hash=hash_key(key), scopes=words, **vars(terms))
    session.add(row)
    details = _describe_terms(terms)
    record_audit_event(
        session, actor, "key.create", f"key:{prefix}", application=application.name, scopes=words, **details
    )
    return key


def issue_key(
    session: Session,
    name: str,
    scopes: Iterable[Scope],
    actor: Actor,
    terms: KeyTerms,
    purpose: Purpose | None = None,
    *,
    is_test: bool = False,
) -> tuple[str, Application]:
    """Create a key for an application, and the application if it is new. Returns the key, which is stored only as a hash, and the
    application.

    name: as returned by clean_name.
    purpose: declared purpose of the application, or None.
    Raises PurposeForbidden, TestKeyScope.
    """
    application = ensure_application(session, name)
    if purpose is not None:
        declare_purpose(session, application, purpose, actor)
    return create_key(session, application, scopes, actor, terms, is_test=is_test), application


def show_start(key: str) -> str:
    """Return a key's first characters, by which users identify it."""
    return key[: _SHOWN_TEST_CHARACTERS if key.startswith(TEST_PREFIX) else _SHOWN_CHARACTERS]


def declare_purpose(session: Session, application: Application, purpose: Purpose, actor: Actor) -> None:
    """Store the declared purpose of an application. Raises PurposeForbidden."""
    if purpose.is_forbidden:
        raise PurposeForbidden(f"the purpose {purpose} is forbidden: {PurposeForbidden.meaning}")
    if application.purpose is not purpose:
        application.purpose = purpose
        record_audit_event(
            session, actor, "application.declare_purpose", f"application:{application.name}", purpose=purpose
        )


def change_key(session: Session, prefix: str, terms: KeyTerms, actor: Actor) -> ApiKey:
    """Replace all terms of a valid key. Raises UnknownKey."""
    key = get_valid_key(session, prefix)
    for name, value in vars(terms).items():
        setattr(key, name, value)
    record_audit_event(session, actor, "key.change", f"key:{key.prefix}", **_describe_terms(terms))
    return key


def rotate_key(session: Session, prefix: str, overlap_s: float, actor: Actor) -> str:
    """Create a key with the same scopes and terms, and let the previous one expire in `overlap_s` seconds or earlier.

    Returns the new key, which is stored only as a hash. Raises UnknownKey.
    """
    old = get_valid_key(session, prefix)
    terms = KeyTerms(
        description=old.description,
        expires_at=old.expires_at,
        rate_limit=old.rate_limit,
        daily_quota=old.daily_quota,
    )
    scopes = [Scope(each) for each in old.scopes]
    new = create_key(session, old.application, scopes, actor, terms, is_test=old.is_test)
    end = utcnow() + timedelta(seconds=overlap_s)
    old.expires_at = end if old.expires_at is None else min(end, old.expires_at)
    record_audit_event(session, actor, "key.rotate", f"key:{old.prefix}", new=show_start(new), overlap_s=overlap_s)
    return new


def get_valid_key(session: Session, prefix: str) -> ApiKey:
    """Return the one valid key with this prefix. Raises UnknownKey if there are none or several."""
    found = session.scalars(
        select(ApiKey).where(ApiKey.prefix.startswith(prefix, autoescape=True), *_is_valid()).limit(2)
    ).all()
    if len(found) != 1:
        raise UnknownKey(f"{'several valid keys start' if found else 'no valid key starts'} with {prefix!r}")
    return found[0]


def _is_valid() -> tuple[ColumnElement[bool], ...]:
    return (ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > utcnow()))


def _describe_terms(terms: KeyTerms) -> dict[str, str | int]:
    """Return the terms that are set, for the audit log."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in vars(terms).items()
        if value is not None
    }


def widen_key(session: Session, key: ApiKey, scopes: Iterable[Scope], actor: Actor) -> None:
    """Add scopes to a key. Does nothing if it has them."""
    words = [scope.value for scope in Scope if scope in set(scopes) or scope.value in key.scopes]
    if words != key.scopes:
        record_audit_event(session, actor, "key.widen", f"key:{key.prefix}", before=key.scopes, after=words)
        key.scopes = words


def find_key(session: Session, key: str) -> ApiKey | None:
    """Return the valid key with its application, or None if it is unknown, revoked or expired."""
    return session.scalar(select(ApiKey).where(ApiKey.key_hash == hash_key(key), *_is_valid()))


def list_keys(session: Session) -> Sequence[ApiKey]:
    """All keys with their applications, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def revoke_key(session: Session, prefix: str, actor: Actor = COMMAND_LINE) -> None:
    """Revoke the one valid key with this prefix. Raises UnknownKey if there are none or several."""
    key = get_valid_key(session, prefix)
    key.revoked_at = utcnow()
    record_audit_event(session, actor, "key.revoke", f"key:{key.prefix}", application=key.application.name)
