"""Every error as application/problem+json (RFC 9457), with a stable code. Tracebacks are never sent."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from apiflask.exceptions import HTTPError
from flask import Flask, Response, current_app, g, json, request
from pydantic import ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from api.core.error_codes import ERROR_KINDS, PROBLEM_JSON
from api.core.services import get_services
from db.core.errors import DomainError
from db.core.full_disk import is_disk_full

log = structlog.get_logger(__name__)

ERROR_PAGE = "/docs/errors"
"""The page that explains the codes. A problem's `type` is this URL with the code as its fragment."""

RETRY_AFTER_S = 5
"""Default `Retry-After` of a 503."""


class Problem(Exception):
    """An error that is sent to the client.

    code: one of ERROR_KINDS.
    detail: a sentence about this case.
    errors: invalid fields with the reasons.
    more: further members of the problem object.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Iterable[Mapping[str, str]] = (),
        status: HTTPStatus | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = ERROR_KINDS[code]
        self.status = status or self.kind.status
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = [dict(error) for error in errors]
        self.more = dict(more or {})

    def to_dict(self) -> dict[str, Any]:
        """The problem object."""
        shown: dict[str, Any] = {
            "type": f"{request.script_root}{ERROR_PAGE}#{self.kind.code}",
            "title": self.kind.title,
            "status": int(self.status),
            "code": self.kind.code,
            "detail": self.detail,
            "request_id": g.get("request_id"),
        }
        if self.errors:
            shown["errors"] = self.errors
        return shown | self.more

    def to_response(self) -> Response:
        """The response."""
        response = Response(json.dumps(self.to_dict()), self.status, mimetype=PROBLEM_JSON)
        response.headers.extend(self.headers)
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            response.headers.setdefault("Retry-After", str(RETRY_AFTER_S))
        return response


def explain_validation(error: ValidationError, place: str) -> Problem:
    """List the values that pydantic refused. place: where the values came from, such as `query` or `form`."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return make_invalid_request(_name_fields(place, ((str(item["loc"][0]), item["msg"]) for item in found)))


def make_invalid_request(errors: list[dict[str, str]]) -> Problem:
    """Build the problem for invalid values; its detail names the first. errors: `in`, `field` and `reason` of each."""
    first = errors[0]
    return Problem("invalid_request", f"{first['field']}: {first['reason']}", errors=errors)


def register_errors(app: Flask) -> None:
    """Convert every exception of a route into a problem."""
    for kind, handle in _HANDLERS.items():
        app.register_error_handler(kind, handle)


def handle_error(error: Exception) -> Response:
    """Convert an exception into a problem."""
    kind = next(each for each in type(error).__mro__ if each in _HANDLERS)
    return _HANDLERS[kind](error)


def _handle_apiflask_error(error: HTTPError) -> Response:
    """Convert the error that APIFlask raises when a query, form or header is invalid."""
    found = error.detail if isinstance(error.detail, dict) else {}
    errors = [
        named
        for place, fields in found.items()
        for named in _name_fields(place, ((field, reasons[0]) for field, reasons in fields.items()))
    ]
    return make_invalid_request(errors).to_response()


def handle_http_error(error: HTTPException) -> Response:
    """Convert an HTTP error of the routing, of the body, or of a route."""
    if isinstance(error, RequestEntityTooLarge):
        limits, most = get_services().settings, current_app.config["MAX_CONTENT_LENGTH"]
        if request.max_content_length == most:  # the route set no photo limit
            return Problem("body_too_large", f"the body may have at most {most:,} bytes").to_response()
        detail = f"a photo may have at most {limits.max_photo_bytes:,} bytes, a batch {limits.max_batch_bytes:,} in all"
        return Problem("photo_too_large", detail).to_response()
    code = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}.get(error.code or 0, "http_error")
    detail = {
        404: f"there is nothing at {request.path}",
        405: f"{request.path} doesn't take {request.method}",
    }.get(error.code or 0, error.description or error.name)
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return Problem(code, detail, headers=headers, status=HTTPStatus(error.code or 400)).to_response()


def _handle_domain_error(error: DomainError) -> Response:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error(error.code, reason=str(error))
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return Problem(error.code, error.public_detail, headers=headers).to_response()


def _handle_system_error(error: OSError) -> Response:
    """Convert an OSError, such as a full disk while an upload is written to a temporary file."""
    return _report_full_disk(error) if is_disk_full(error) else _handle_unexpected_error(error)


def _report_full_disk(error: Exception) -> Response:
    log.error("storage_full", reason=str(error.__cause__ or error))
    return Problem("storage_full", ERROR_KINDS["storage_full"].meaning).to_response()


def _handle_database_error(error: DBAPIError | PoolTimeout) -> Response:
    if is_disk_full(error) and _has_database_folder():
        return _report_full_disk(error)
    if isinstance(error, DBAPIError) and not (error.connection_invalidated or _is_operational(error)):
        return _handle_unexpected_error(error)
    log.error("database_unavailable", reason=str(error.__cause__ or error))
    problem = Problem("database_unavailable", ERROR_KINDS["database_unavailable"].meaning)
    return problem.to_response()


def _has_database_folder() -> bool:
    """Return whether SQLite's folder exists. SQLite reports a full disk and a missing folder alike: "unable to open database
    file".
    """
    path = make_url(get_services().settings.effective_database_url).database
    return path is None or Path(path).parent.is_dir()


def _is_operational(error: DBAPIError) -> bool:
    """Return whether the database, not the statement, is at fault: PEP 249's OperationalError of any driver."""
    return any(kind.__name__ == "OperationalError" for kind in type(error.orig).__mro__)


def _handle_unexpected_error(error: Exception) -> Response:
    log.error("unexpected_error", exc_info=error, method=request.method, path=request.path)
    detail = "an unexpected error; it is in the service's log under this request_id"
    return Problem("internal_error", detail).to_response()


def _name_fields(place: str, reasons: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Keep one reason per field.

    Pydantic gives one for each type of a union, as in `detector.none`; the first is that of the type that clients can send.
    Also strips the exception's name from the messages of our own validators.
    """
    first: dict[str, str] = {}
    for path, reason in reasons:
        first.setdefault(path.partition(".")[0], reason.removeprefix("Value error, "))
    return [{"in": place, "field": field, "reason": reason} for field, reason in first.items()]


_HANDLERS: dict[type[Exception], Callable[[Any], Response]] = {
    Problem: Problem.to_response,
    HTTPError: _handle_apiflask_error,
    HTTPException: handle_http_error,
    DomainError: _handle_domain_error,
    DBAPIError: _handle_database_error,
    PoolTimeout: _handle_database_error,
    OSError: _handle_system_error,
    Exception: _handle_unexpected_error,
}
