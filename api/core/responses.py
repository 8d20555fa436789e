"""The answer of an API route: a schema as JSON."""

from http import HTTPStatus

from flask import Response
from pydantic import BaseModel


def respond(shown: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """What the route's `@output` describes, as JSON. It ends with a new line, for those who read it in a terminal.

    Where a list goes on, its `next` is a `Link` header too (RFC 8288).
    """
    response = Response(f"{shown.model_dump_json()}\n", status, mimetype="application/json")
    following = getattr(shown, "next", None)
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response
