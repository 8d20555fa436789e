"""Pages about the API itself: what runs here, its documentation, its error codes. Nothing comes from a CDN."""

from importlib.resources import files

from flask import Blueprint, Response, render_template, send_from_directory
from markupsafe import Markup, escape

from api.core.error_codes import ERROR_KINDS
from api.core.services import get_services

blueprint = Blueprint("docs", __name__)

_SWAGGER_UI = str(files("flask_swagger_ui") / "dist")
_SWAGGER_FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
_A_DAY_S = 24 * 3600


@blueprint.app_template_filter("mark_code")
def mark_code(text: str) -> Markup:
    """Show what stands between backticks as code."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


@blueprint.get("/")
def show_landing() -> str:
    """What runs here, and where to go."""
    return render_template("web/landing.html")


@blueprint.get("/docs")
def show_docs() -> str:
    """How to begin, and every call to read and to try."""
    return render_template("web/docs.html", settings=get_services().settings)


@blueprint.get("/docs/errors")
def show_errors() -> str:
    """Every error code with its meaning; the `type` of a problem points here."""
    return render_template("web/errors.html", kinds=ERROR_KINDS.values())


@blueprint.get("/docs/assets/<name>")
def send_asset(name: str) -> Response:
    """Send a file of Swagger UI."""
    # an unknown name leads to nothing that is there
    return send_from_directory(_SWAGGER_UI, name if name in _SWAGGER_FILES else "-", max_age=_A_DAY_S)
