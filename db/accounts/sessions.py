"""The sessions of one person: which there are, and ending them.

A session is named by its id: the SHA-256 of the cookie's token, in hexadecimal digits. It may be shown: nobody gets in with it.
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
    """The person has no session of that id, or none any more."""

    code = "unknown_session"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown session"
    meaning = "The user has no session with this id."


def hash_token(token: str) -> bytes:
    """What is stored of a session's token."""
    return hashlib.sha256(token.encode()).digest()


def make_id(token: str) -> str:
    """The id of the session with that token."""
    return hash_token(token).hex()


def list_sessions(session: Session, user_id: UUID) -> Sequence[UserSession]:
    """The person's sessions that still last, newest first."""
    return session.scalars(
        select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.expires_at > utcnow())
        .order_by(UserSession.created_at.desc(), UserSession.token_hash)
    ).all()


def end_session(session: Session, user_id: UUID, session_id: str) -> None:
    """End one of the person's sessions. Raises UnknownSession, also for another person's."""
    is_meant = UserSession.token_hash == _read_id(session_id)
    statement = delete(UserSession).where(is_meant, UserSession.user_id == user_id, UserSession.expires_at > utcnow())
    if session.scalar(statement.returning(UserSession.token_hash)) is None:
        raise UnknownSession("there is no such session of yours any more")


def end_sessions(session: Session, user_id: UUID, *, kept_id: str | None = None) -> None:
    """End all of the person's sessions, but the one of the id `kept_id`."""
    statement = delete(UserSession).where(UserSession.user_id == user_id)
    if kept_id is not None:
        statement = statement.where(UserSession.token_hash != _read_id(kept_id))
    session.execute(statement)


def _read_id(session_id: str) -> bytes:
    try:
        return bytes.fromhex(session_id)
    except ValueError:
        raise UnknownSession("that is no session's id") from None
