"""Request id, trace and security headers of every request and response."""

import re

import structlog
from flask import Flask, Response, g, request
from uuid_utils.compat import uuid7

from api.core.server.bridge import MEMO

REQUEST_ID = "X-Request-ID"

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Request ids accepted from a client or proxy. Others could forge log lines."""

_NOTHING_CSP = "default-src 'none'; frame-ancestors 'none'"
_PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def register_security(app: Flask) -> None:
    """Give each request an id, and each answer its headers."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_forget)


def _begin() -> None:
    given = request.headers.get(REQUEST_ID, "")
    memo = request.environ.get(MEMO, {})  # a parked request runs more than once
    g.request_id = given if _GIVEN_ID.fullmatch(given) else memo.setdefault("request_id", uuid7().hex)
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
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


def _forget(_error: BaseException | None) -> None:
    structlog.contextvars.unbind_contextvars("request_id")
