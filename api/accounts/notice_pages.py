"""The notice for people whose faces are analysed: what is done, and what for. Applications link to it; nobody has to sign in."""

from uuid import UUID

from flask import Blueprint, abort, render_template

from api.core.services import get_services
from api.web.site import EVERYBODY, needs
from db import tables

blueprint = Blueprint("notice", __name__, url_prefix="/notice")


@blueprint.get("")
@needs(EVERYBODY)
def show() -> str:
    """What the service does, for whoever is in a photo."""
    return render_template("accounts/notice.html", application=None)


@blueprint.get("/<uuid:application_id>")
@needs(EVERYBODY)
def show_application(application_id: UUID) -> str:
    """The same, with the name and the declared purpose of the application that asks for it."""
    with get_services().database.read() as session:
        application = session.get(tables.Application, application_id)
    if application is None:
        abort(404, "There is no such application.")
    return render_template("accounts/notice.html", application=application)
