"""JSON responses of API routes."""

from http import HTTPStatus

from flask import Response
from pydantic import BaseModel


def respond(shown: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Serialize the route's `@output` schema as JSON. It ends with a newline, for terminals.

    A list's `next` is also sent as a `Link` header (RFC 8288).
    """
    response = Response(f"{shown.model_dump_json()}\n", status, mimetype="application/json")
    following = getattr(shown, "next", None)
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response
