"""Code shared by all pages: roles, CSRF checks, and error pages."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.wrappers import Response as AnyResponse

from api.core.error_codes import PROBLEM_JSON
from api.core.errors import RETRY_AFTER_S, Problem, handle_error, handle_http_error
from api.core.services import get_services
from api.core.sessions import SAFE_METHODS, Person, find_person, has_csrf_token, is_same_origin
from api.photos.annotate import UnreadablePicture
from api.web.forms import forget_once, read_once, show_once
from db.core.blobs import BlobMissing
from db.core.errors import DomainError
from db.core.vocabulary import Role

log = structlog.get_logger(__name__)

Page = TypeVar("Page", bound=Callable[..., Any])

_NEEDED = "needed_role"
EVERYBODY = "everybody"
"""Used in place of a role: the page is public."""

_FORM_OVERHEAD_BYTES = 256_000
"""Bytes that a form may have besides a photo."""

_DONE = {
    "canceled": "Job canceled.",
    "retried": "The photo was submitted again as this new job.",
    "erased": "Job erased with its photo, crops and results.",
    "promoted": "This version is in service now. Workers switch to it within seconds.",
    "shadow_started": "This version now runs in shadow mode. Workers load it within seconds.",
    "shadow_ended": "Shadow mode has ended.",
    "rolled_back": "The previous version is in service again. Workers switch to it within seconds.",
    "run_started": "The run is queued.",
    "run_canceled": "The run will stop after its current step.",
    "user_created": "User created.",
    "role_changed": "Role changed. It takes effect at the user's next request.",
    "password_changed": "Password changed. All sessions of the user have ended.",
    "own_password_changed": "Password changed. All your other sessions have ended.",
    "session_ended": "Session ended.",
    "sessions_ended": "All your other sessions have ended.",
    "user_disabled": "User disabled.",
    "user_enabled": "User enabled.",
    "key_revoked": "Key revoked. Requests with it are now refused.",
    "webhook_paused": "Endpoint paused. Its events are kept until you resume it.",
    "webhook_resumed": "Endpoint resumed. Pending events are sent first.",
    "webhook_tested": "Test event sent. Its delivery is listed below.",
    "webhook_deleted": "Endpoint deleted.",
    "webhook_replayed": "Failed events are sent again.",
    "signed_out": "You are signed out.",
    "undone": "Votes undone.",
    "voted": "Vote stored.",
    "reported": "Report stored. Thank you.",
    "noted": "Note stored.",
    "decided": "Disagreement resolved.",
    "grid_confirmed": "Faces confirmed. These are the next ones.",
    "grid_marked": "Unmarked faces confirmed. These are the marked ones.",
}
"""Messages shown after an action, by the code that the redirect leaves in a cookie."""


class RoleMissing(Forbidden):
    """The signed-in user lacks the role for this."""

    def __init__(self, needed: Role) -> None:
        super().__init__(f"This needs the role {needed}. Ask an administrator for it.")


class ForgedRequest(Forbidden):
    """The request would change something, but has no valid CSRF token."""

    def __init__(self) -> None:
        super().__init__("This form is from an earlier session or from another site. Reload the page and try again.")


def needs(role: Role | str) -> Callable[[Page], Page]:
    """Declare which role may open a page. Every page declares one; a page that doesn't is shown to nobody."""

    def mark(page: Page) -> Page:
        setattr(page, _NEEDED, role)
        return page

    return mark


def find_needed_role(app: Flask, endpoint: str) -> Role | str | None:
    """Return the declared role of an endpoint, or None if it declares none."""
    return cast("Role | str | None", getattr(app.view_functions[endpoint], _NEEDED, None))


def get_person() -> Person:
    """Return the signed-in user. Only on pages that need a role."""
    person = find_person()
    assert person is not None  # guard_page has required a user
    return person


def go(endpoint: str, *, done: str | None = None, **values: Any) -> AnyResponse:
    """Redirect to a page after a form. done: code in _DONE of the message to show."""
    assert done is None or done in _DONE
    response = redirect(url_for(f"pages.{endpoint}", **values), 303)
    return response if done is None else show_once(response, done=done)


def describe_done() -> str | None:
    """Return the message to show on this page."""
    told = read_once()
    return _DONE.get(told.get("done", "")) or told.get("said")


def guard_page() -> AnyResponse | None:
    """Let a request through to its page, or redirect to the sign-in.

    Raises RoleMissing, ForgedRequest; Problem `unauthorized` if a script asks and its page is of a session that has ended.
    """
    assert request.endpoint is not None
    needed = find_needed_role(current_app, request.endpoint)
    request.max_content_length = get_services().settings.max_photo_bytes + _FORM_OVERHEAD_BYTES
    if request.method not in SAFE_METHODS and not is_same_origin(request):
        raise ForgedRequest
    if needed == EVERYBODY:
        return None
    person = find_person()
    if person is None:
        if is_script():
            raise Problem("unauthorized", "you are signed out")
        return redirect(url_for("pages.sign_in.show", next=_find_way_back()))
    if not isinstance(needed, Role):
        raise Forbidden
    if not person.role.covers(needed):
        raise RoleMissing(needed)
    if request.method not in SAFE_METHODS and not has_csrf_token(person, request):
        if is_script():
            raise Problem("unauthorized", "this page is from an earlier session")
        raise ForgedRequest
    return None


def is_script() -> bool:
    """Return whether a script of the pages asks. It accepts problems, which browsers never do by themselves."""
    return PROBLEM_JSON in request.accept_mimetypes.values()


def _find_way_back() -> str | None:
    """Return the page that the browser shows: this one, or the one whose form it sent."""
    if request.method == "GET":
        return f"{request.script_root}{request.full_path}".rstrip("?")
    return find_page_before()


def find_page_before() -> str | None:
    """Return path and query of our page from which the browser came, or None."""
    before = urlsplit(request.referrer or "")
    if before.netloc != request.host or not before.path.startswith("/") or before.path.startswith("//"):
        return None
    return f"{before.path}?{before.query}" if before.query else before.path


def keep_private(response: Response) -> Response:
    """Forbid caching, since pages show faces, and send the referrer only to our own pages.

    Pages that are temporarily unavailable get a Retry-After, as in the API.
    """
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    response.headers.setdefault("Cache-Control", "private, no-store")
    response.headers["Referrer-Policy"] = "same-origin"
    forget_once(response)
    return response


def register_page_errors(pages: Blueprint) -> None:
    """Show every error of a page as a page, or as a problem if a script asks."""
    for kind, show in _SHOWN.items():
        pages.register_error_handler(kind, _make_error_handler(show))
    for status, detail in _UNROUTED.items():
        pages.app_errorhandler(status)(_make_unrouted_handler(detail))


def _make_error_handler(show: Callable[[Any], tuple[str, int]]) -> Callable[[Exception], AnyResponse]:
    return lambda error: handle_error(error) if is_script() else make_response(show(error))


_UNROUTED = {404: "There is nothing at this address.", 405: "This address can't be opened as a page."}
"""Messages for errors without a route."""
_TITLES = {
    403: "Not allowed",
    404: "Not found",
    405: "Not allowed",
    409: "Not possible now",
    422: "Not accepted",
    503: "Not available",
}


def _show_domain_error(error: DomainError) -> tuple[str, int]:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error(error.code, reason=str(error))
    return _show_refusal(error.status, error.public_detail)


def _show_refusal(status: HTTPStatus, detail: str) -> tuple[str, int]:
    return _show(status, _TITLES.get(status, "Something went wrong"), detail)


def _make_unrouted_handler(detail: str) -> Callable[[HTTPException], AnyResponse]:
    """Build an error handler for the whole application.

    Flask asks it before the blueprint's, and it also gets requests without a route.
    """

    def show(error: HTTPException) -> AnyResponse:
        if request.blueprint is not None and request.blueprint.startswith("pages"):
            return handle_error(error) if is_script() else make_response(_show_http_error(error))
        if not _is_page_wanted():
            return handle_http_error(error)
        response = make_response(_show(error.code or 404, _TITLES[error.code or 404], detail))
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        response.vary.add("Accept")
        return keep_private(response)

    return show


def _is_page_wanted() -> bool:
    """Return whether a browser asks for a page; programs such as curl accept anything."""
    wanted = request.accept_mimetypes.best_match((PROBLEM_JSON, "application/json", "text/html"))
    return wanted == "text/html" and not f"{request.path}/".startswith("/v1/")


def _show_http_error(error: HTTPException) -> tuple[str, int]:
    status = error.code or 500
    return _show(status, _TITLES.get(status, error.name), error.description or "")


def _show_database_error(error: OperationalError | PoolTimeout) -> tuple[str, int]:
    log.error("database_unavailable", reason=str(error))
    return _show(503, "The database doesn't answer", "Try again in a moment; the service's log says more.")


def _show_unexpected_error(error: Exception) -> tuple[str, int]:
    log.error("unexpected_error", exc_info=error, method=request.method, path=request.path)
    return _show(500, "Something went wrong", "The service's log has it under the number below.")


def _show(status: int, title: str, detail: str) -> tuple[str, int]:
    return render_template("web/error.html", status=int(status), title=title, detail=detail), int(status)


_SHOWN: dict[type[Exception], Callable[[Any], tuple[str, int]]] = {
    HTTPException: _show_http_error,
    Problem: lambda problem: _show(problem.status, problem.kind.title, problem.detail),
    DomainError: _show_domain_error,
    BlobMissing: lambda error: _show_refusal(HTTPStatus.NOT_FOUND, str(error)),
    UnreadablePicture: lambda error: _show_refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)),
    OperationalError: _show_database_error,
    PoolTimeout: _show_database_error,
    Exception: _show_unexpected_error,
}
