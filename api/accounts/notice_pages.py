"""The privacy notice for people in photos: what is analysed, and why. Public; applications link to it."""

from uuid import UUID

from flask import Blueprint, abort, render_template

from api.core.services import get_services
from api.web.site import EVERYBODY, needs
from db import tables

blueprint = Blueprint("notice", __name__, url_prefix="/notice")


@blueprint.get("")
@needs(EVERYBODY)
def show() -> str:
    """Show the notice of the service."""
    return render_template("accounts/notice.html", application=None)


@blueprint.get("/<uuid:application_id>")
@needs(EVERYBODY)
def show_application(application_id: UUID) -> str:
    """Show the notice with an application's name and declared purpose."""
    with get_services().database.read() as session:
        application = session.get(tables.Application, application_id)
    if application is None:
        abort(404, "There is no such application.")
    return render_template("accounts/notice.html", application=application)
