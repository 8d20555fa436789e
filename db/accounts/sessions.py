"""Sessions of a user: list and end them.

A session's id is the SHA-256 of the cookie's token in hex. It may be shown, because it can't be used to sign in.
"""

import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.accounts.tables import UserSession
from db.core.errors import DomainError
from db.core.types import utcnow


class UnknownSession(DomainError):
    """The user has no active session with this id."""

    code = "unknown_session"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown session"
    meaning = "The user has no session with this id."


def hash_token(token: str) -> bytes:
    """Return the stored hash of a session's token."""
    return hashlib.sha256(token.encode()).digest()


def make_id(token: str) -> str:
    """Return the id of the session with that token."""
    return hash_token(token).hex()


def list_sessions(session: Session, user_id: UUID) -> Sequence[UserSession]:
    """List the user's active sessions, newest first."""
    return session.scalars(
        select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.expires_at > utcnow())
        .order_by(UserSession.created_at.desc(), UserSession.token_hash)
    ).all()


def end_session(session: Session, user_id: UUID, session_id: str) -> None:
    """End one of the user's sessions. Raises UnknownSession, also for another user's."""
    is_meant = UserSession.token_hash == _read_id(session_id)
    statement = delete(UserSession).where(is_meant, UserSession.user_id == user_id, UserSession.expires_at > utcnow())
    if session.scalar(statement.returning(UserSession.token_hash)) is None:
        raise UnknownSession("you have no session with this id")


def end_sessions(session: Session, user_id: UUID, *, kept_id: str | None = None) -> None:
    """End all of the user's sessions except `kept_id`."""
    statement = delete(UserSession).where(UserSession.user_id == user_id)
    if kept_id is not None:
        statement = statement.where(UserSession.token_hash != _read_id(kept_id))
    session.execute(statement)


def _read_id(session_id: str) -> bytes:
    try:
        return bytes.fromhex(session_id)
    except ValueError:
        raise UnknownSession("this is not a session id") from None
