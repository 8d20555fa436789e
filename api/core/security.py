"""What every request and every answer carries: a request id, and headers that keep browsers careful."""

import contextlib
import re
from http import HTTPStatus

import structlog
from flask import Flask, Response, g, request
from uuid_utils.compat import uuid7

REQUEST_ID = "X-Request-ID"

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What we take over from a client or proxy. Anything else could forge lines in a log."""

_NOTHING_CSP = "default-src 'none'; frame-ancestors 'none'"
_PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_MOST_UNREAD_BYTES = 32_000_000
_DISCARDED_BYTES: dict[int, int] = {
    HTTPStatus.UNAUTHORIZED: 4_000_000,  # from anybody: a usual photo, so that a mistyped key is told as one, and no more
    HTTPStatus.FORBIDDEN: _MOST_UNREAD_BYTES,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _MOST_UNREAD_BYTES,
    HTTPStatus.UNPROCESSABLE_ENTITY: _MOST_UNREAD_BYTES,
    HTTPStatus.TOO_MANY_REQUESTS: _MOST_UNREAD_BYTES,
}
"""Refusals that may come before the body is read to its end, and how much of the rest is read then."""

_PIECE_BYTES = 64 * 1024


def register_security(app: Flask) -> None:
    """Give each request an id, and each answer its headers."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_forget)


def _begin() -> None:
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if _GIVEN_ID.fullmatch(given) else uuid7().hex
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    _discard_rest(_DISCARDED_BYTES.get(response.status_code, 0))
    headers = response.headers
    headers[REQUEST_ID] = g.request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Content-Security-Policy", _PAGE_CSP if response.mimetype == "text/html" else _NOTHING_CSP)
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.path.startswith("/v1/"):
        # Photos and faces are personal data; a shared cache must not keep them.
        headers["Cache-Control"] = "private, no-store"
        headers.add("Vary", "Authorization")
    return response


def _discard_rest(left: int) -> None:
    """Read what is left of a refused body and throw it away, at most `left` bytes.

    A server that closes a connection on which the client still sends resets it, and the client never gets to read why.
    """
    if not request.environ.get("wsgi.input_terminated"):
        return  # reading might wait for more for ever
    with contextlib.suppress(OSError):  # the client went away
        while left > 0 and (piece := request.environ["wsgi.input"].read(min(left, _PIECE_BYTES))):
            left -= len(piece)


def _forget(_error: BaseException | None) -> None:
    structlog.contextvars.unbind_contextvars("request_id")
