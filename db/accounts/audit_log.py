"""The log of changes: who changed what, when, and the particulars. Written in the transaction of the change itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.accounts.tables import AuditEvent
from db.core.actors import Actor


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which events a listing shows; what is None doesn't restrict. Times: happened at or after, happened before."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


def record_audit_event(session: Session, actor: Actor, action: str, subject: str, **details: Any) -> None:
    """Log a change.

    actor: a user's name, `application:<name>` of an API key, or the part of the service that acted by itself. action: noun
    and verb, such as `user.create`. subject: what was changed, such as `user:ana`. details: plain values that JSON holds;
    never a password, a key, or anything of a photo.
    """
    session.add(AuditEvent(actor=actor, action=action, subject=subject, details=details))


def list_audit_events(
    session: Session, wanted: AuditFilter = AuditFilter(), *, limit: int = 50, before: int | None = None
) -> Sequence[AuditEvent]:
    """At most `limit` events, newest first. before: id of the last event of the page before."""
    statement = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditEvent.id < before)
    if wanted.actor is not None:
        statement = statement.where(AuditEvent.actor == wanted.actor)
    if wanted.action is not None:
        statement = statement.where(AuditEvent.action == wanted.action)
    if wanted.subject is not None:
        statement = statement.where(AuditEvent.subject == wanted.subject)
    if wanted.created_from is not None:
        statement = statement.where(AuditEvent.at >= wanted.created_from)
    if wanted.created_before is not None:
        statement = statement.where(AuditEvent.at < wanted.created_before)
    return session.scalars(statement).all()
