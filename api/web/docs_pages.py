"""Public pages: start page, API documentation, error codes. All assets are served locally."""

from importlib.metadata import distribution, version
from pathlib import Path

from flask import Blueprint, Response, render_template, send_from_directory
from markupsafe import Markup, escape

from api.core.error_codes import ERROR_KINDS
from api.core.services import get_services
from api.core.sessions import Person
from api.web.context import find_known_person
from api.web.static_files import keep_by_version
from db.core.vocabulary import Detector, Role
from db.jobs.submission import list_detectors

blueprint = Blueprint("docs", __name__)

_PACKAGE = "flask-openapi-elements"
_FOLDER = "flask_openapi_elements/templates/elements"
"""Folder of the package, which is used only for these files: importing it would require another framework."""
_ASSETS = {"elements.css": "css/styles.min.css", "elements.js": "js/web-components.min.js"}


@blueprint.app_template_filter("mark_code")
def mark_code(text: str) -> Markup:
    """Convert backticks to `code` elements."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


@blueprint.get("/")
def show_landing() -> str:
    """Show the start page; users who may submit photos get a drop area."""
    services, person = get_services(), find_known_person()
    return render_template(
        "web/landing.html", settings=services.settings, detectors=_list_detectors(person), may_try=_may_try(person)
    )


def _may_try(person: Person | None) -> bool:
    return person is not None and person.role.covers(Role.REVIEWER)


def _list_detectors(person: Person | None) -> list[Detector]:
    if not _may_try(person):
        return []
    available = list_detectors(get_services().jobs)
    return [each for each in Detector if each in available]


@blueprint.get("/docs")
def show_docs() -> str:
    """Show the introduction and the API browser."""
    return render_template("web/docs.html", settings=get_services().settings, elements_version=version(_PACKAGE))


@blueprint.get("/docs/errors")
def show_errors() -> str:
    """Show every error code with its meaning; the `type` of a problem links here."""
    return render_template("web/errors.html", kinds=ERROR_KINDS.values())


@blueprint.get("/docs/assets/<package_version>/<name>")
def send_asset(package_version: str, name: str) -> Response:
    """Send a file of Stoplight Elements, which renders the API browser."""
    folder = Path(str(distribution(_PACKAGE).locate_file(_FOLDER)))
    # other files of the folder aren't served
    response = send_from_directory(folder, _ASSETS.get(name, "-"))
    return keep_by_version(response, is_known=package_version == version(_PACKAGE))
