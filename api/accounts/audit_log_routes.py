"""The audit log: who changed what, and when. Needs the scope `admin`."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from api.core.authentication import protect
from api.core.field_types import Time
from api.core.fields import LARGEST_ID, Moment, TextFields
from api.core.openapi import describe_errors
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import get_services
from api.jobs.options import Unset
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.actors import ActorKind
from db.core.vocabulary import Scope

blueprint = APIBlueprint("changes", __name__, url_prefix="/v1/changes", tag="Access")
protect(blueprint, Scope.ADMIN)


class AuditQuery(TextFields):
    """Which changes to list."""

    actor: str | Unset = Field(
        default=None, max_length=200, description="Only changes by this actor.", examples=["ana"]
    )
    action: str | Unset = Field(default=None, max_length=50, description="Only this action.", examples=["user.create"])
    subject: str | Unset = Field(
        default=None, max_length=200, description="Only changes of this object.", examples=["user:ben"]
    )
    created_from: Moment | Unset = Field(default=None, description="At this time or later.")
    created_before: Moment | Unset = Field(default=None, description="Before this time.")
    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of changes per page.")
    cursor: int | Unset = Field(default=None, ge=1, le=LARGEST_ID, description="Cursor of the page, taken from `next`.")


class AuditEventEntry(BaseModel):
    """One entry of the audit log."""

    at: Time
    actor: str = Field(description="A user, `application:NAME`, or a component of the service.", examples=["ana"])
    actor_kind: ActorKind | None = Field(
        description="Kind of the actor; null if it isn't known.",
        examples=["user"],
    )
    action: str = Field(description="Action, as noun and verb.", examples=["user.create"])
    subject: str = Field(description="What was changed.", examples=["user:ben"])
    details: dict[str, Any] = Field(examples=[{"role": "reviewer"}])


class AuditEventPage(BaseModel):
    """A page of the audit log, newest first."""

    items: list[AuditEventEntry]
    next: str | None = Field(description="Address of the next page; null on the last one.")


@blueprint.get("")
@blueprint.input(AuditQuery, location="query", arg_name="query")
@blueprint.output(AuditEventPage, description="A page of the audit log.")
@blueprint.doc(summary="Read the log of changes", responses=describe_errors("scope_missing", "invalid_request"))
def read_audit_log(query: AuditQuery) -> Response:
    """Read a page of the log."""
    wanted = AuditFilter(
        actor=query.actor,
        action=query.action,
        subject=query.subject,
        created_from=query.created_from,
        created_before=query.created_before,
    )
    with get_services().database.read() as session:
        found = read_page(
            lambda limit: list_audit_events(session, wanted, limit=limit, before=query.cursor), query.limit
        )
    items = [
        AuditEventEntry(
            at=event.at,
            actor=event.actor,
            actor_kind=event.known_actor_kind,
            action=event.action,
            subject=event.subject,
            details=event.details,
        )
        for event in found.rows
    ]
    return respond(AuditEventPage(items=items, next=found.make_next_url(".read_audit_log")))
