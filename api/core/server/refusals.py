"""Errors that the server sends itself, for requests that never reach a route. They have the same form as all other errors."""

import json
from http import HTTPStatus

import structlog
from uuid_utils.compat import uuid7

from api.core.error_codes import ERROR_KINDS, PROBLEM_JSON

log = structlog.get_logger(__name__)

Headers = list[tuple[bytes, bytes]]


class Refusal(Exception):
    """A request is refused before a route runs. code: one of ERROR_KINDS. detail: a sentence for the client."""

    def __init__(self, code: str, detail: str, *, status: int | None = None) -> None:
        super().__init__(detail)
        self.kind = ERROR_KINDS[code]
        self.status = status or int(self.kind.status)
        self.detail = detail

    def make_answer(self, *, is_logged: bool = True) -> tuple[int, Headers, bytes]:
        """Log the refusal in one line. Returns status, headers and body of the response."""
        request_id = uuid7().hex
        if is_logged:
            log.warning(
                "request_refused", code=self.kind.code, status=self.status, reason=self.detail, request_id=request_id
            )
        body = json.dumps(
            {
                "type": f"/docs/errors#{self.kind.code}",
                "title": self.kind.title,
                "status": self.status,
                "code": self.kind.code,
                "detail": self.detail,
                "request_id": request_id,
            }
        ).encode()
        headers = [
            (b"Content-Type", PROBLEM_JSON.encode()),
            (b"Content-Length", str(len(body)).encode()),
            (b"X-Request-ID", request_id.encode()),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"Cache-Control", b"private, no-store"),
        ]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append((b"Retry-After", b"5"))
        return self.status, headers, body
