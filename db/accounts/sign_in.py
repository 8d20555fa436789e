"""Sign-in: checks passwords, limits guessing, and keeps sessions on the server."""

import secrets
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.passwords import hasher, is_password, take_slot
from db.accounts.sessions import hash_token
from db.accounts.sign_in_tries import count_try, forget_tries, normalize_address
from db.accounts.tables import User, UserSession
from db.accounts.users import change_password, check_new_password, find_user
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow


class SignInRefused(Exception):
    """Name and password don't match, or the user is disabled. The message doesn't say which."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("name or password is wrong")


def authenticate(database: Database, name: str, password: str, address: str = "") -> User:
    """Return the user with this name and password.

    address: of the client. Wrong passwords are counted per name and address.

    Takes tens of milliseconds, without an open transaction. Each try is counted before the password is checked, so that
    parallel guesses gain nothing.
    Raises SignInRefused, also if the password was changed or the user disabled in the meantime; AccountLocked; and
    PasswordsBusy, after which the try isn't counted.
    """
    # before the try is counted: a flood must not lock users out whose passwords were never checked
    with take_slot(normalize_address(address)):
        user = _check_password(database, name, password, address, "user.sign_in_failed")
        fresh_hash = hasher.hash(password) if hasher.check_needs_rehash(user.password_hash) else None
    with database.write() as session:
        user = _lock_unchanged(session, user)
        forget_tries(session, name, address)
        user.last_signed_in_at = utcnow()
        record_audit_event(session, Actor.user(user.name), "user.sign_in", f"user:{user.name}", address=address)
        if fresh_hash is not None:
            user.password_hash = fresh_hash
    return user


def change_own_password(
    database: Database, name: str, present: str, new: str, session_id: str, address: str = ""
) -> None:
    """Change the password of a signed-in user, and end the user's other sessions.

    present: the current password. Wrong ones are counted and delayed as in a sign-in; address: as in `authenticate`. Takes twice
    tens of milliseconds, without an open transaction. Raises InvalidUser for an invalid new password, and SignInRefused,
    AccountLocked and PasswordsBusy as `authenticate`; then nothing is changed.
    """
    check_new_password(new)  # before the try is counted
    with take_slot(normalize_address(address)):
        user = _check_password(database, name, present, address, "user.wrong_password")
        # hashed in the same slot: if the second hashing found none, the right password would stay counted as wrong
        new_hash = hasher.hash(new)
    with database.write() as session:
        _lock_unchanged(session, user)
        change_password(session, user.name, new_hash, Actor.user(user.name), kept_session_id=session_id)


def open_session(session: Session, user: User, lifetime_s: float) -> str:
    """Start a session of an authenticated user. Returns the token for the cookie; only its hash is stored.

    Raises SignInRefused if the password was changed or the user disabled since.
    """
    _lock_unchanged(session, user)
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(token_hash=hash_token(token), user_id=user.id, expires_at=utcnow() + timedelta(seconds=lifetime_s))
    )
    return token


def find_signed_in(session: Session, token: str) -> User | None:
    """Return the user of a session, or None if it expired or was ended, or the user is disabled."""
    found = session.scalar(
        select(UserSession).where(UserSession.token_hash == hash_token(token), UserSession.expires_at > utcnow())
    )
    return None if found is None or found.user.disabled_at is not None else found.user


def close_session(session: Session, token: str) -> None:
    """End one session."""
    session.execute(delete(UserSession).where(UserSession.token_hash == hash_token(token)))


def forget_expired_sessions(session: Session) -> None:
    """Delete expired sessions."""
    session.execute(delete(UserSession).where(UserSession.expires_at <= utcnow()))


def _check_password(database: Database, name: str, password: str, address: str, failure: str) -> User:
    """Return the user with this name and password. The try stays counted until a transaction resets the count.

    failure: action for the audit log. Unknown names aren't logged: they may be passwords. Call it while holding a hashing slot.
    Raises SignInRefused, AccountLocked.
    """
    with database.write() as session:
        locked_until = count_try(session, name, address)
        user = find_user(session, name)
    is_right = is_password(user.password_hash if user else _hash_nobody(), password)
    if user is None or not is_right or user.disabled_at is not None:
        if user is not None:
            _record_failure(database, user, address, failure, locked_until)
        raise SignInRefused
    return user


def _record_failure(database: Database, user: User, address: str, action: str, until: datetime | None) -> None:
    """Log a wrong password for administrators. until: when the next try is allowed, if it must wait."""
    with database.write() as session:
        subject = f"user:{user.name}"
        record_audit_event(session, Actor.system("sign-in"), action, subject, address=address)
        if until is None:
            return
        session.execute(update(User).where(User.id == user.id).values(locked_until=until))
        record_audit_event(
            session, Actor.system("sign-in"), "user.lock", subject, until=until.isoformat(), address=address
        )


def _lock_unchanged(session: Session, user: User) -> User:
    """Lock the user's row until the transaction ends, and return it.

    user: as read before the password was checked. Raises SignInRefused if it has changed since.
    """
    checked = user.password_hash
    found = session.get_one(User, user.id, populate_existing=True, with_for_update=True)
    if found.password_hash != checked or found.disabled_at is not None:
        raise SignInRefused
    return found


@lru_cache(maxsize=1)
def _hash_nobody() -> str:
    """Hash to check for unknown names, so that the response takes as long as for known ones."""
    return hasher.hash(secrets.token_hex())
