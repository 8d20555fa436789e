"""Who asks: an application, by its API key. It sees its own jobs alone."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from apiflask import APIBlueprint, HTTPTokenAuth
from flask import Response, g, request

from api.errors import Problem
from api.limits import Allowance
from api.services import get_services
from db import access

_FIXED_HEADERS = {"WWW-Authenticate": 'Bearer realm="emoscope"'}


@dataclass(frozen=True)
class Caller:
    """The application that a request comes from, and the key that it used."""

    application_id: UUID
    name: str
    key_id: UUID


bearer = HTTPTokenAuth(
    scheme="Bearer", realm="emoscope", description="An API key, made by `emoscope key create`: `Bearer emo_...`."
)


def protect(blueprint: APIBlueprint) -> None:
    """Let only requests with a valid key reach the blueprint's routes, and not more of them than the key may make."""

    @blueprint.before_request
    @blueprint.auth_required(bearer)
    def require_key() -> Response | None:
        # OPTIONS goes by without a key
        return None if request.method == "OPTIONS" else _limit(get_caller())

    @blueprint.after_request
    def show_allowance(response: Response) -> Response:
        allowance: Allowance | None = g.get("allowance")
        if allowance is not None:
            response.headers["RateLimit-Policy"] = f'"key";q={allowance.limit};w={allowance.window_s}'
            response.headers["RateLimit"] = f'"key";r={allowance.remaining};t={allowance.reset_s}'
        return response


def get_caller() -> Caller:
    """Who makes this request. Only in routes of a protected blueprint."""
    return cast("Caller", g.caller)


@bearer.verify_token  # type: ignore[untyped-decorator]
def _find_caller(token: str | None) -> Caller | None:
    if not token:
        return None
    database = get_services().database
    with database.read() as session:
        key = access.find_key(session, token)
    if key is None:
        return None
    if not access.is_use_noted(key):
        with database.write() as session:
            access.note_use(session, key.id)
    caller = Caller(key.application_id, key.application.name, key.id)
    g.caller = caller
    return caller


@bearer.error_handler  # type: ignore[untyped-decorator]
def _refuse(_status: int) -> Response:
    detail = "send a valid API key as `Authorization: Bearer emo_...`; `emoscope key create NAME` makes one"
    return Problem("unauthorized", detail, headers=_FIXED_HEADERS).to_response()


def _limit(caller: Caller) -> Response | None:
    allowance = get_services().limiter.count(str(caller.key_id))
    g.allowance = allowance
    if allowance is None or allowance.is_allowed:
        return None
    detail = f"this key may make {allowance.limit} requests in {allowance.window_s} seconds"
    return Problem("rate_limited", detail, headers={"Retry-After": str(allowance.reset_s)}).to_response()
