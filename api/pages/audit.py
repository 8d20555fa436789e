"""The log of changes: who changed what, and when."""

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from api.pages.site import needs
from api.services import get_services
from db.audit import AuditFilter, list_changes
from db.vocabulary import Role

blueprint = Blueprint("audit", __name__)

_PAGE = 50
_FILTERS = ("actor", "action", "subject")


@blueprint.get("/audit")
@needs(Role.ADMINISTRATOR)
def show() -> str:
    """A page of changes, newest first."""
    kept: dict[str, Any] = {name: request.args[name].strip() for name in _FILTERS if request.args.get(name, "").strip()}
    before = request.args.get("before", "")
    if before and not (before.isascii() and before.isdigit()):
        abort(422, "The page begins nowhere.")
    with get_services().database.read() as session:
        found = list_changes(session, AuditFilter(**kept), limit=_PAGE + 1, before=int(before) if before else None)
    shown = found[:_PAGE]
    older = url_for(".show", before=shown[-1].id, **kept) if len(found) > _PAGE else None
    newest = url_for(".show", **kept) if before else None
    return render_template("pages/audit.html", events=shown, kept=kept, older=older, newest=newest)
