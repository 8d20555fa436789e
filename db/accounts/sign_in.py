"""Signing in and staying signed in: passwords checked, guessing stopped, sessions kept on the server."""

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.passwords import hasher, is_password, take_place
from db.accounts.sessions import hash_token
from db.accounts.tables import SignInTries, UnknownName, User, UserSession
from db.accounts.users import change_password, check_new_password, normalize_name
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.upsert import insert_if_new

MOST_FAILED_ATTEMPTS = 5
LOCK_S = 15 * 60
"""Five wrong passwords, then a quarter of an hour: 480 guesses a day at most, while a person who mistyped can wait.

Wrong passwords are forgotten after as long without a try, so that those of names that nobody has need not be kept for ever.
"""


class SignInRefused(Exception):
    """Name and password don't belong together, or the person is disabled. The message doesn't say which."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("name or password is wrong")


class AccountLocked(Exception):
    """Too many wrong passwords for this name, whether somebody has it or not; it may be tried again at `until`."""

    code = "account_locked"

    def __init__(self, until: datetime) -> None:
        super().__init__("too many wrong passwords; try again later")
        self.until = until


def authenticate(database: Database, name: str, password: str) -> User:
    """The person with this name and password.

    Takes tens of milliseconds, in which no transaction is open. Each try is counted before the password is looked at, so
    that guesses sent at once gain nothing. Raises SignInRefused, also where the password was changed or the person disabled
    meanwhile, AccountLocked, and PasswordsBusy, in which case the try wasn't counted.
    """
    with take_place():  # before the try is counted: a flood must not lock people out whose passwords nobody looked at
        user = _check_password(database, name, password)
        fresh_hash = hasher.hash(password) if hasher.check_needs_rehash(user.password_hash) else None
    with database.write() as session:
        user = _lock_unchanged(session, user)
        user.failed_attempts, user.locked_until, user.last_signed_in_at = 0, None, utcnow()
        if fresh_hash is not None:
            user.password_hash = fresh_hash
    return user


def change_own_password(database: Database, name: str, present: str, new: str, session_id: str) -> None:
    """Set another password of the person who is signed in by the session of that id, and end all other sessions of theirs.

    present: the password that they have. It is guessed at as in a sign-in, with the same count and lock. Takes tens of milliseconds
    twice, in which no transaction is open. Raises InvalidUser for a new password that can't be one, and SignInRefused,
    AccountLocked and PasswordsBusy as `authenticate`; nothing is changed then.
    """
    check_new_password(new)  # before the try is counted
    with take_place():
        user = _check_password(database, name, present)
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


def _check_password(database: Database, name: str, password: str) -> User:
    """The person with this name and password, with this try counted until a transaction sets the count back.

    Call it in a place for hashing. Raises SignInRefused, AccountLocked.
    """
    with database.write() as session:
        user = _count_attempt(session, name)
    is_right = is_password(user.password_hash if user else _hash_nobody(), password)
    if user is None or not is_right or user.disabled_at is not None:
        raise SignInRefused
    return user


def _count_attempt(session: Session, name: str) -> User | None:
    """The person of that name, or None, with this try counted. Raises AccountLocked if there were too many."""
    user = session.scalar(select(User).where(User.name == normalize_name(name)).with_for_update())
    # An unknown name is locked like a known one, so that a lock doesn't tell which names there are.
    tries = user or _find_unknown(session, name)
    now, pause = utcnow(), timedelta(seconds=LOCK_S)
    if tries.locked_until is not None and tries.locked_until > now:
        raise AccountLocked(tries.locked_until)
    is_forgotten = tries.last_tried_at is None or tries.last_tried_at <= now - pause
    if is_forgotten or tries.failed_attempts >= MOST_FAILED_ATTEMPTS:
        tries.failed_attempts = 0
    tries.failed_attempts += 1
    tries.last_tried_at = now
    if tries.failed_attempts >= MOST_FAILED_ATTEMPTS:
        # Falls again if this very try is right.
        tries.locked_until = now + pause
        if user is not None:
            record_audit_event(
                session, Actor.system("sign-in"), "user.lock", f"user:{user.name}", until=tries.locked_until.isoformat()
            )
    return user


def _find_unknown(session: Session, name: str) -> SignInTries:
    """The row of a name that nobody has, made if there is none. Rows whose tries are forgotten are deleted."""
    is_over = UnknownName.last_tried_at <= utcnow() - timedelta(seconds=LOCK_S)
    over = select(UnknownName.name_hash).where(is_over).with_for_update(skip_locked=True)
    session.execute(
        delete(UnknownName).where(UnknownName.name_hash.in_(over)).execution_options(synchronize_session=False)
    )
    name_hash = hashlib.sha256(normalize_name(name).encode()).digest()
    insert_if_new(session, UnknownName, name_hash=name_hash)
    return session.scalars(select(UnknownName).where(UnknownName.name_hash == name_hash).with_for_update()).one()


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
