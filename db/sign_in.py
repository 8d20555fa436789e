"""Signing in and staying signed in: passwords checked, guessing stopped, sessions kept on the server."""

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import lru_cache

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.audit import record_change
from db.columns import utcnow
from db.models_users import User, UserSession
from db.session import Database
from db.users import hasher, normalize_name

MOST_FAILED_ATTEMPTS = 5
LOCK_S = 15 * 60
"""Five wrong passwords, then a quarter of an hour: 480 guesses a day at most, while a person who mistyped can wait."""


class SignInRefused(Exception):
    """Name and password don't belong together, or the person is disabled. The message doesn't say which."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("name or password is wrong")


class AccountLocked(Exception):
    """Too many wrong passwords; the person may try again at `until`."""

    code = "account_locked"

    def __init__(self, until: datetime) -> None:
        super().__init__("too many wrong passwords; try again later")
        self.until = until


def authenticate(database: Database, name: str, password: str) -> User:
    """The person with this name and password.

    Takes tens of milliseconds, in which no transaction is open. Each try is counted before the password is looked at, so
    that guesses sent at once gain nothing. Raises SignInRefused, AccountLocked.
    """
    with database.write() as session:
        user = _count_attempt(session, name)
    is_right = _is_password(user.password_hash if user else _hash_nobody(), password)
    if user is None or not is_right or user.disabled_at is not None:
        raise SignInRefused
    fresh_hash = hasher.hash(password) if hasher.check_needs_rehash(user.password_hash) else user.password_hash
    with database.write() as session:
        user = session.get_one(User, user.id)
        user.failed_attempts, user.locked_until = 0, None
        user.last_signed_in_at, user.password_hash = utcnow(), fresh_hash
    return user


def open_session(session: Session, user: User, lifetime_s: float) -> str:
    """Start a session of a person who was authenticated. Returns the token for the cookie; only its hash is stored."""
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(token_hash=_hash(token), user_id=user.id, expires_at=utcnow() + timedelta(seconds=lifetime_s))
    )
    return token


def find_signed_in(session: Session, token: str) -> User | None:
    """The person whose session this is, or None if it has expired or was ended, or the person is disabled."""
    found = session.scalar(
        select(UserSession).where(UserSession.token_hash == _hash(token), UserSession.expires_at > utcnow())
    )
    return None if found is None or found.user.disabled_at is not None else found.user


def close_session(session: Session, token: str) -> None:
    """End one session."""
    session.execute(delete(UserSession).where(UserSession.token_hash == _hash(token)))


def forget_expired_sessions(session: Session) -> None:
    """Delete sessions whose time is over."""
    session.execute(delete(UserSession).where(UserSession.expires_at <= utcnow()))


def _count_attempt(session: Session, name: str) -> User | None:
    """The person of that name, with this try counted. Raises AccountLocked if there were too many."""
    user = session.scalar(select(User).where(User.name == normalize_name(name)).with_for_update())
    if user is None:
        return None
    now = utcnow()
    if user.locked_until is not None and user.locked_until > now:
        raise AccountLocked(user.locked_until)
    if user.failed_attempts >= MOST_FAILED_ATTEMPTS:
        user.failed_attempts = 0
    user.failed_attempts += 1
    if user.failed_attempts >= MOST_FAILED_ATTEMPTS:
        # Falls again if this very try is right.
        user.locked_until = now + timedelta(seconds=LOCK_S)
        record_change(session, "sign-in", "user.lock", f"user:{user.name}", until=user.locked_until.isoformat())
    return user


@lru_cache(maxsize=1)
def _hash_nobody() -> str:
    """Checked in place of an unknown name's hash, so that the answer takes as long as for a known one."""
    return hasher.hash(secrets.token_hex())


def _is_password(password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
