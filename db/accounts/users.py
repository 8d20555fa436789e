"""Users of the pages: names, roles and passwords. Every change is logged."""

import re
from collections.abc import Sequence
from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.passwords import hasher, take_slot
from db.accounts.sessions import end_sessions
from db.accounts.sign_in_tries import forget_tries
from db.accounts.tables import User
from db.core.actors import Actor, ActorKind
from db.core.errors import DomainError
from db.core.types import utcnow
from db.core.upsert import insert_if_new
from db.core.vocabulary import Role

LEAST_PASSWORD_CHARACTERS = 12
"""Minimum length without composition rules, by OWASP's cheat sheet and NIST SP 800-63B."""

_MOST_PASSWORD_CHARACTERS = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")


class InvalidUser(DomainError, ValueError):
    """The name or password is invalid; the message says why."""

    code = "invalid_user"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid user"
    meaning = "The user's name is taken or not allowed, or the password is too short or too long. `detail` says which."


class UnknownUser(DomainError):
    """There is no user with this name."""

    code = "unknown_user"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown user"
    meaning = "There is no user with this name."


class OwnAccount(DomainError):
    """Users can't disable themselves or change their own role, because they couldn't undo it."""

    code = "own_account"
    status = HTTPStatus.CONFLICT
    title = "Own account"
    meaning = "Users can't disable themselves or change their own role. Another administrator has to do it."


class LastAdministrator(DomainError):
    """No administrator would be left."""

    code = "last_administrator"
    status = HTTPStatus.CONFLICT
    title = "Last administrator"
    meaning = "This is the only administrator who can sign in, so they can't be disabled or given another role."


def hash_password(password: str) -> str:
    """Hash a new password. Takes tens of milliseconds: call it outside a transaction.

    Raises InvalidUser if it is too short or too long, PasswordsBusy.
    """
    check_new_password(password)
    with take_slot():
        return hasher.hash(password)


def check_new_password(password: str) -> None:
    """Raise InvalidUser if a new password is too short or too long."""
    if not LEAST_PASSWORD_CHARACTERS <= len(password) <= _MOST_PASSWORD_CHARACTERS:
        raise InvalidUser(
            f"a password needs {LEAST_PASSWORD_CHARACTERS} to {_MOST_PASSWORD_CHARACTERS} characters, not {len(password)}"
        )


def create_user(session: Session, name: str, password_hash: str, role: Role, actor: Actor) -> User:
    """Create a user. password_hash: from hash_password. Raises InvalidUser if the name is taken or invalid."""
    name = normalize_name(name)
    if not _NAME.fullmatch(name):
        raise InvalidUser(
            "a name has at most 100 characters: letters from a to z, digits, and inside it any of . _ @ -"
        )
    if not insert_if_new(session, User, name=name, role=role, password_hash=password_hash):
        raise InvalidUser(f"there is a user {name!r} already")
    record_audit_event(session, actor, "user.create", f"user:{name}", role=role)
    return get_user(session, name)


def normalize_name(name: str) -> str:
    """Normalize a name: lower case, without spaces around it."""
    return name.strip().lower()


def find_user(session: Session, name: str) -> User | None:
    """Return the user with that name, or None."""
    return session.scalar(select(User).where(User.name == normalize_name(name)))


def get_user(session: Session, name: str) -> User:
    """Return the user with that name. Raises UnknownUser."""
    user = find_user(session, name)
    if user is None:
        raise UnknownUser(f"there is no user {name!r}")
    return user


def has_users(session: Session) -> bool:
    """Return whether there are any users."""
    return session.scalar(select(User.id).limit(1)) is not None


def list_users(session: Session) -> Sequence[User]:
    """List all users by name."""
    return session.scalars(select(User).order_by(User.name)).all()


def change_password(
    session: Session, name: str, password_hash: str, actor: Actor, *, kept_session_id: str | None = None
) -> None:
    """Set a user's password, lift a lock, and end all sessions except `kept_session_id`. Raises UnknownUser."""
    user = get_user(session, name)
    user.password_hash, user.locked_until = password_hash, None
    forget_tries(session, user.name)
    end_sessions(session, user.id, kept_id=kept_session_id)
    record_audit_event(session, actor, "user.change_password", f"user:{user.name}")


def change_role(session: Session, name: str, role: Role, actor: Actor) -> None:
    """Change a user's role. It takes effect at the next request.

    Raises UnknownUser, OwnAccount, LastAdministrator.
    """
    user = get_user(session, name)
    _refuse_own(user, actor, "another administrator has to change your role")
    if role is not Role.ADMINISTRATOR:
        _refuse_last_administrator(session, user)
    before, user.role = user.role, role
    record_audit_event(session, actor, "user.change_role", f"user:{user.name}", before=before, after=role)


def disable_user(session: Session, name: str, actor: Actor) -> None:
    """Disable a user at once. Name, votes and audit log are kept. Raises UnknownUser, OwnAccount, LastAdministrator."""
    user = get_user(session, name)
    _refuse_own(user, actor, "you can't disable yourself")
    _refuse_last_administrator(session, user)
    if user.disabled_at is None:
        user.disabled_at = utcnow()
        record_audit_event(session, actor, "user.disable", f"user:{user.name}")
    end_sessions(session, user.id)


def enable_user(session: Session, name: str, actor: Actor) -> None:
    """Enable a disabled or locked user. Raises UnknownUser."""
    user = get_user(session, name)
    user.disabled_at, user.locked_until = None, None
    forget_tries(session, user.name)
    record_audit_event(session, actor, "user.enable", f"user:{user.name}")


def _refuse_own(user: User, actor: Actor, reason: str) -> None:
    if actor.kind is ActorKind.USER and actor == user.name:
        raise OwnAccount(reason)


def _refuse_last_administrator(session: Session, user: User) -> None:
    # Locked in a fixed order, so that two administrators who disable each other at once don't both succeed.
    administrators = session.scalars(
        select(User)
        .where(User.role == Role.ADMINISTRATOR, User.disabled_at.is_(None))
        .order_by(User.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if [each.id for each in administrators] == [user.id]:
        raise LastAdministrator(f"{user.name!r} is the only administrator who can sign in; add another one first")
