"""The log of changes: who changed what, and when."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from pydantic import Field

from api.core.fields import LARGEST_ID
from api.core.paging import read_page
from api.core.services import get_services
from api.web.queries import Query, read_query
from api.web.site import needs
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.vocabulary import Role

blueprint = Blueprint("audit", __name__)

_PAGE = 50


class AuditSearch(Query):
    """What the list's form asks for, and where the page begins."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    before: int | None = Field(default=None, ge=1, le=LARGEST_ID)


@blueprint.get("/audit")
@needs(Role.ADMINISTRATOR)
def show() -> str:
    """A page of changes, newest first."""
    search = read_query(AuditSearch, request.args)
    kept: dict[str, Any] = search.model_dump(exclude={"before"}, exclude_none=True)
    with get_services().database.read() as session:
        wanted = AuditFilter(**kept)
        found = read_page(lambda limit: list_audit_events(session, wanted, limit=limit, before=search.before), _PAGE)
    older = url_for(".show", before=found.cursor, **kept) if found.has_more else None
    newest = url_for(".show", **kept) if search.before else None
    return render_template("accounts/audit_log.html", events=found.rows, kept=kept, older=older, newest=newest)
