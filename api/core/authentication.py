"""Authentication: by API key for applications, by session for users of the pages.

An application sees only its own jobs, unless its key has the scope `admin`. Users see the jobs of every application, and may do
what their role allows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast
from uuid import UUID

import structlog
from apiflask import APIBlueprint, HTTPTokenAuth
from flask import Response, g, request
from sqlalchemy.exc import DBAPIError

from api.core.error_codes import ERROR_KINDS
from api.core.errors import Problem, make_invalid_request
from api.core.limits import Allowance
from api.core.server.bridge import MEMO
from api.core.services import get_services
from api.core.sessions import SAFE_METHODS, find_person, has_csrf_token, is_same_origin
from api.test_mode.scenarios import HEADER as TEST_HEADER
from api.test_mode.scenarios import InvalidScenario, read_scenario
from db.accounts import api_keys, key_use
from db.core.actors import Actor
from db.core.types import utcnow
from db.core.vocabulary import Role, Scope
from db.jobs.submission import Quota
from db.jobs.tables import Job

log = structlog.get_logger(__name__)

Route = TypeVar("Route", bound=Callable[..., Any])

_FIXED_HEADERS = {"WWW-Authenticate": 'Bearer realm="emoscope"'}


READS_JOBS = (Scope.SUBMIT, Scope.ADMIN)
"""Scopes that allow reading jobs and what belongs to them: events, photo, picture, batch. One is enough."""

PAGES_APPLICATION = "pages"
"""The application on whose behalf signed-in users act."""

_ROLE_SCOPES = {
    Role.VIEWER: frozenset[Scope](),
    Role.REVIEWER: frozenset({Scope.SUBMIT, Scope.REVIEW}),
    Role.ADMINISTRATOR: frozenset(Scope),
}


@dataclass(frozen=True)
class Caller:
    """The application or user that sent a request.

    name: of the application, or of the user if is_user.
    key_id: id of the key or user for which requests are counted.
    scopes: what the caller may do beyond reading its own jobs.
    rate_limit, daily_quota: limits of the key, if it has any.
    """

    application_id: UUID
    name: str
    key_id: UUID
    scopes: frozenset[Scope] = frozenset({Scope.SUBMIT})
    is_user: bool = False
    rate_limit: str | None = None
    daily_quota: int | None = None
    is_test: bool = False

    @property
    def visible_application_id(self) -> UUID | None:
        """Id of the application whose jobs the caller may see; None for all."""
        return None if self.is_user or Scope.ADMIN in self.scopes else self.application_id

    def owns(self, job: Job) -> bool:
        """Return whether the caller is the application that submitted the job."""
        return not self.is_user and job.application_id == self.application_id

    @property
    def application_name(self) -> str:
        """Name of the application."""
        return PAGES_APPLICATION if self.is_user else self.name

    @property
    def actor(self) -> Actor:
        """The caller as an actor for history and votes."""
        return Actor.user(self.name) if self.is_user else Actor.application(self.name)


class KeyOrSession(HTTPTokenAuth):
    """Authenticates by bearer key, or by session if no `Bearer` header was sent: a proxy may use the header for its own
    password.
    """

    def authenticate(self, auth: Any, stored_password: str | None) -> Caller | None:
        """Return the caller, or None. Called by APIFlask, which passes the parsed header."""
        memo = request.environ.get(MEMO, {})
        if "caller" in memo:  # second run of the request, now with its body
            g.caller = memo["caller"]
            _choose_services(g.caller)
            return cast("Caller", g.caller)
        caller = self._find(auth, stored_password)
        if caller is not None:
            memo["caller"] = caller
            _choose_services(caller)
        return caller

    def _find(self, auth: Any, stored_password: str | None) -> Caller | None:
        if request.headers.get("Authorization", "").partition(" ")[0].lower() != "bearer":
            return _find_by_session()
        return cast("Caller | None", super().authenticate(auth, stored_password))


bearer = KeyOrSession(
    scheme="Bearer", realm="emoscope", description="An API key, made by `emoscope key create`: `Bearer emo_...`."
)


def protect(blueprint: APIBlueprint, *scopes: Scope, users_may_read: bool = False, only_users: bool = False) -> None:
    """Require a valid key or session for every route of a blueprint, and enforce the key's rate limit.

    scopes: scopes of which the key needs one, for every route; none means that any key may call. A user's session has the
    scopes of the user's role. Requests that change something must also carry the CSRF token.
    users_may_read: whether every signed-in user may read, as viewers do on the pages.
    only_users: whether keys are refused, because the routes are about the signed-in user.
    """

    @blueprint.before_request
    @blueprint.auth_required(bearer)
    def require_key() -> Response | None:
        if request.method == "OPTIONS":  # CORS preflight requests carry no key
            return None
        refusal = _limit(get_caller()) or _fail_on_demand(get_caller())
        if refusal is None and only_users and not get_caller().is_user:
            raise Problem("session_needed", "this needs a signed-in user: API keys have no password or sessions")
        if refusal is None and scopes:
            require_scope(*scopes, or_user=users_may_read and request.method in SAFE_METHODS)
        return refusal

    @blueprint.after_request
    def show_allowance(response: Response) -> Response:
        allowance: Allowance | None = g.get("allowance")
        if allowance is not None:
            response.headers["RateLimit-Policy"] = f'"key";q={allowance.limit};w={allowance.window_s}'
            response.headers["RateLimit"] = f'"key";r={allowance.remaining};t={allowance.reset_s}'
        caller: Caller | None = g.get("caller")
        if caller is not None and not caller.is_user and not g.get("is_counted"):
            g.is_counted = True
            is_error = response.status_code >= HTTPStatus.BAD_REQUEST
            is_replay = "Idempotent-Replayed" in response.headers
            get_services().usage.count(
                caller.key_id,
                requests=1,
                bytes=request.content_length or 0,
                photos=0 if is_error or is_replay else g.get("photos_taken", 0),
                errors=int(is_error),
            )
        return response


def _take_photos(count: int) -> None:
    caller = get_caller()
    if caller.daily_quota is not None:
        left = get_services().limiter.take_photos(str(caller.key_id), count, caller.daily_quota)
        if left is not None:
            now = utcnow()
            midnight = datetime.combine(now.date() + timedelta(days=1), time.min, UTC)
            detail = f"this key may submit {caller.daily_quota:,} photos per day (UTC); {left:,} are left, {count:,} were sent"
            headers = {"Retry-After": str(max(1, round((midnight - now).total_seconds())))}
            raise Problem("quota_exceeded", detail, headers=headers)
    g.photos_taken = count


def _give_back_photos(count: int) -> None:
    caller = get_caller()
    if caller.daily_quota is not None:
        get_services().limiter.give_back_photos(str(caller.key_id), count)
    g.photos_taken = 0


DAILY_QUOTA = Quota(_take_photos, _give_back_photos)
"""Enforces and counts the daily photo quota of the caller's key. Raises Problem `quota_exceeded`."""


def get_caller() -> Caller:
    """Return the caller of this request. Only in routes of a protected blueprint."""
    return cast("Caller", g.caller)


def require_scope(*scopes: Scope, or_user: bool = False) -> None:
    """Raise Problem `scope_missing` unless the caller has one of the scopes.

    or_user: whether every signed-in user is allowed too.
    """
    caller = get_caller()
    if caller.scopes.isdisjoint(scopes) and not (or_user and caller.is_user):
        wanted = " or ".join(f"`{scope}`" for scope in scopes)
        raise Problem("scope_missing", f"this needs the scope {wanted}, which the key or user doesn't have")


def needs_scope(*scopes: Scope, or_user: bool = False) -> Callable[[Route], Route]:
    """Check the scope before the request's inputs are read. Place it below the route decorator and above `@input`.

    scopes, or_user: see require_scope.
    """

    def mark(route: Route) -> Route:
        @wraps(route)
        def check_first(*args: Any, **kwargs: Any) -> Any:
            require_scope(*scopes, or_user=or_user)
            return route(*args, **kwargs)

        return cast("Route", check_first)

    return mark


def find_signed_in_caller() -> Caller | None:
    """Return the signed-in user as the caller; None if nobody is signed in."""
    person = find_person()
    if person is None:
        return None
    database = get_services().database
    with database.read() as session:
        application_id = api_keys.find_application_id(session, PAGES_APPLICATION)
    if application_id is None:
        with database.write() as session:
            application_id = api_keys.ensure_application(session, PAGES_APPLICATION).id
    return Caller(application_id, person.name, person.id, _ROLE_SCOPES[person.role], is_user=True)


def get_person_caller() -> Caller:
    """Return the signed-in user as the caller. Only on pages that need a role."""
    caller = find_signed_in_caller()
    assert caller is not None
    return caller


@bearer.verify_token  # type: ignore[untyped-decorator]
def _find_caller(token: str | None) -> Caller | None:
    if not token:
        return None
    database = get_services().database
    with database.look_up() as connection:
        key = key_use.find_caller_key(connection, token)
    if key is None:
        return None
    if not key_use.is_use_recorded(key):
        try:
            with database.write() as session:
                key_use.record_use(session, key.id)
        except DBAPIError as error:  # reads must work while the database is read-only
            log.warning("key_use_not_recorded", reason=str(error.orig))
    scopes = frozenset(scope for scope in Scope if scope in key.scopes)
    g.caller = Caller(
        key.application_id,
        key.application_name,
        key.id,
        scopes,
        rate_limit=key.rate_limit,
        daily_quota=key.daily_quota,
        is_test=key.is_test,
    )
    return cast("Caller", g.caller)


def _choose_services(caller: Caller) -> None:
    """Give requests of a test key the test services."""
    if caller.is_test:
        g.services = get_services().test_mode.open(get_services(), caller.application_id, caller.name)


def _find_by_session() -> Caller | None:
    caller, person = find_signed_in_caller(), find_person()
    if caller is None or person is None:
        return None
    if request.method not in SAFE_METHODS and not (is_same_origin(request) and has_csrf_token(person, request)):
        return None
    g.caller = caller
    return caller


@bearer.error_handler  # type: ignore[untyped-decorator]
def _refuse(_status: int) -> Response:
    detail = "send a valid API key as `Authorization: Bearer emo_...`; `emoscope key create NAME` makes one"
    return Problem("unauthorized", detail, headers=_FIXED_HEADERS).to_response()


def _fail_on_demand(caller: Caller) -> Response | None:
    """Return the error that a test key's request asks for, or None. Raises Problem `invalid_request` for an invalid header."""
    if not caller.is_test:
        return None
    try:
        scenario = read_scenario(request.headers.get(TEST_HEADER))
    except InvalidScenario as error:
        raise make_invalid_request([{"in": "headers", "field": TEST_HEADER, "reason": str(error)}]) from error
    if scenario.error is None:
        return None
    if scenario.error not in ERROR_KINDS:
        reason = f"there is no error {scenario.error}"
        raise make_invalid_request([{"in": "headers", "field": TEST_HEADER, "reason": reason}])
    return Problem(scenario.error, f"a test: {ERROR_KINDS[scenario.error].meaning}").to_response()


def _limit(caller: Caller) -> Response | None:
    memo = request.environ.get(MEMO, {})
    if "allowance" not in memo:  # count a request once, even if it runs twice
        memo["allowance"] = get_services().limiter.count(str(caller.key_id), caller.rate_limit)
    allowance: Allowance | None = memo["allowance"]
    g.allowance = allowance
    if allowance is None or allowance.is_allowed:
        return None
    detail = f"this key may send {allowance.limit} requests in {allowance.window_s} seconds"
    return Problem("rate_limited", detail, headers={"Retry-After": str(allowance.reset_s)}).to_response()
