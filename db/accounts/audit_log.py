"""The audit log: who changed what, when, with details. Each entry is written in the transaction of the change."""

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
    """Filter of the audit log; None doesn't restrict. Times: since is inclusive, before is exclusive."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


def record_audit_event(session: Session, actor: Actor, action: str, subject: str, **details: Any) -> None:
    """Add an entry to the audit log.

    actor: a user, an application, or the component that acted by itself.
    action: noun and verb, such as `user.create`.
    subject: what was changed, such as `user:ana`. details: JSON values; never a password, a key, or photo data.
    """
    session.add(AuditEvent(actor=actor, action=action, subject=subject, details=details))


def list_audit_events(
    session: Session, wanted: AuditFilter = AuditFilter(), *, limit: int = 50, before: int | None = None
) -> Sequence[AuditEvent]:
    """List at most `limit` entries, newest first. before: id of the last entry of the previous page."""
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
