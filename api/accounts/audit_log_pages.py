"""The audit log page: who did what, and when."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from pydantic import Field

from api.accounts import audit_words
from api.core.fields import LARGEST_ID, Day
from api.core.paging import read_page
from api.core.services import get_services
from api.web.forms import refills_search
from api.web.queries import Query, begin_day, end_day, make_api_query, read_query
from api.web.site import needs
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.vocabulary import Role

blueprint = Blueprint("audit", __name__)

_PAGE = 50


class AuditSearch(Query):
    """Filters and cursor of the audit log page. Dates are days in UTC; `until` is inclusive."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: Day | None = None
    until: Day | None = None
    before: int | None = Field(default=None, ge=1, le=LARGEST_ID)

    def to_filter(self) -> AuditFilter:
        """Convert to the database's filter."""
        return AuditFilter(
            actor=self.actor,
            action=self.action,
            subject=self.subject,
            created_from=begin_day(self.since) if self.since else None,
            created_before=end_day(self.until) if self.until else None,
        )

    def to_api_query(self) -> dict[str, str]:
        """Convert to query parameters of the API."""
        return make_api_query(self.to_filter())


@blueprint.get("/audit")
@needs(Role.ADMINISTRATOR)
@refills_search
def show() -> str:
    """Show a page of the audit log, newest first."""
    search = read_query(AuditSearch, request.args)
    kept: dict[str, Any] = search.model_dump(exclude={"before"}, exclude_none=True)
    with get_services().database.read() as session:
        wanted = search.to_filter()
        found = read_page(lambda limit: list_audit_events(session, wanted, limit=limit, before=search.before), _PAGE)
    older = url_for(".show", **{**kept, "before": found.cursor}) if found.has_more else None
    newest = url_for(".show", **kept) if search.before else None
    return render_template(
        "accounts/audit_log.html",
        events=found.rows,
        kept=kept,
        filters=search.to_api_query(),
        older=older,
        newest=newest,
        actions=audit_words.list_actions(),
        words=audit_words,
    )
