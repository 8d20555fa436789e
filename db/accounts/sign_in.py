"""Signing in and staying signed in: passwords checked, guessing stopped, sessions kept on the server."""

import secrets
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.passwords import hasher, is_password, take_place
from db.accounts.sessions import hash_token
from db.accounts.sign_in_tries import count_try, forget_tries, normalize_address
from db.accounts.tables import User, UserSession
from db.accounts.users import change_password, check_new_password, find_user
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow


class SignInRefused(Exception):
    """Name and password don't belong together, or the person is disabled. The message doesn't say which."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("name or password is wrong")


def authenticate(database: Database, name: str, password: str, address: str = "") -> User:
    """The person with this name and password.

    address: of the client. Wrong passwords are counted for name and address together.

    Takes tens of milliseconds, in which no transaction is open. Each try is counted before the password is looked at, so
    that guesses sent at once gain nothing. Raises SignInRefused, also where the password was changed or the person disabled
    meanwhile, AccountLocked, and PasswordsBusy, in which case the try wasn't counted.
    """
    # before the try is counted: a flood must not lock people out whose passwords nobody looked at
    with take_place(normalize_address(address)):
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
    """Set another password of the person who is signed in by the session of that id, and end all other sessions of theirs.

    present: the password that they have. It is guessed at as in a sign-in, with the same count and pauses; `address` as there.
    Takes tens of milliseconds twice, in which no transaction is open. Raises InvalidUser for a new password that can't be one, and
    SignInRefused, AccountLocked and PasswordsBusy as `authenticate`; nothing is changed then.
    """
    check_new_password(new)  # before the try is counted
    with take_place(normalize_address(address)):
        user = _check_password(database, name, present, address, "user.wrong_password")
        # in the same place: without one for the second hashing, the right password would stay counted as a wrong one
        new_hash = hasher.hash(new)
    with database.write() as session:
        _lock_unchanged(session, user)
        change_password(session, user.name, new_hash, Actor.user(user.name), kept_session_id=session_id)


def open_session(session: Session, user: User, lifetime_s: float) -> str:
    """Start a session of a person who was authenticated. Returns the token for the cookie; only its hash is stored.

    Raises SignInRefused if the password was changed or the person disabled since.
    """
    _lock_unchanged(session, user)
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(token_hash=hash_token(token), user_id=user.id, expires_at=utcnow() + timedelta(seconds=lifetime_s))
    )
    return token


def find_signed_in(session: Session, token: str) -> User | None:
    """The person whose session this is, or None if it has expired or was ended, or the person is disabled."""
    found = session.scalar(
        select(UserSession).where(UserSession.token_hash == hash_token(token), UserSession.expires_at > utcnow())
    )
    return None if found is None or found.user.disabled_at is not None else found.user


def close_session(session: Session, token: str) -> None:
    """End one session."""
    session.execute(delete(UserSession).where(UserSession.token_hash == hash_token(token)))


def forget_expired_sessions(session: Session) -> None:
    """Delete sessions whose time is over."""
    session.execute(delete(UserSession).where(UserSession.expires_at <= utcnow()))


def _check_password(database: Database, name: str, password: str, address: str, failure: str) -> User:
    """The person with this name and password, with this try counted until a transaction sets the count back.

    failure: how the audit log names a wrong password. A name that nobody has isn't logged: it may be a password.
    Call it in a place for hashing. Raises SignInRefused, AccountLocked.
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
    """Tell administrators that somebody guesses at a password. until: when the next try is looked at, where it must wait."""
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
    """The person as stored now, kept from changes until the transaction ends.

    user: as read before the password was checked. Raises SignInRefused if what was checked no longer holds.
    """
    checked = user.password_hash
    found = session.get_one(User, user.id, populate_existing=True, with_for_update=True)
    if found.password_hash != checked or found.disabled_at is not None:
        raise SignInRefused
    return found


@lru_cache(maxsize=1)
def _hash_nobody() -> str:
    """Checked in place of an unknown name's hash, so that the answer takes as long as for a known one."""
    return hasher.hash(secrets.token_hex())
