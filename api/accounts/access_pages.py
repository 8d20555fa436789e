"""The access page: users, and the API keys of applications."""

from datetime import timedelta
from typing import Annotated

from flask import Blueprint, abort, render_template, request
from pydantic import AfterValidator, Field
from werkzeug.wrappers import Response as AnyResponse

from api.core.fields import Day, Number
from api.core.services import get_services
from api.web.forms import FieldRefused, read_once, refills, show_once
from api.web.queries import Query, end_day, read_query
from api.web.site import get_person, go, needs
from db.accounts import api_keys, users
from db.accounts.usage import UsageFilter, list_usage
from db.core.types import utcnow
from db.core.vocabulary import Purpose, Role, Scope
from db.webhooks.endpoints import DEFAULT_OVERLAP_S
from emoscope.settings import read_rate

blueprint = Blueprint("access", __name__, url_prefix="/access")

_MOST_USAGE_ROWS = 100


class _Terms(Query):
    description: str | None = Field(default=None, max_length=200)
    expires_on: Day | None = None
    rate_limit: Annotated[str, AfterValidator(read_rate)] | None = None
    daily_quota: Number | None = None


@blueprint.get("")
@needs(Role.ADMINISTRATOR)
def show() -> str:
    """List all users and keys, with the forms to change them. A key that was just created is shown once."""
    told = read_once()
    with get_services().database.read() as session:
        user_rows, keys = users.list_users(session), api_keys.list_keys(session)
        last_week = UsageFilter(first_day=utcnow().date() - timedelta(days=6))
        usage = list_usage(session, last_week, limit=_MOST_USAGE_ROWS)
    return render_template(
        "accounts/access.html",
        user_rows=user_rows,
        keys=keys,
        usage=usage,
        first_day=last_week.first_day,
        scopes=tuple(Scope),
        purposes=[each for each in Purpose if not each.is_forbidden],
        now=utcnow(),
        new_key=told.get("key"),
        new_key_application=told.get("application"),
        new_secret=told.get("secret"),
    )


@blueprint.post("/users")
@needs(Role.ADMINISTRATOR)
@refills(show, "add-person", name=users.InvalidUser)
def create_user() -> AnyResponse:
    """Create a user."""
    password_hash = _hash_password()
    with get_services().database.write() as session:
        users.create_user(session, request.form.get("name", ""), password_hash, _read_role(), get_person().actor)
    return go("access.show", done="user_created")


@blueprint.post("/users/<name>/role")
@needs(Role.ADMINISTRATOR)
@refills(show)
def change_role(name: str) -> AnyResponse:
    """Change a user's role."""
    with get_services().database.write() as session:
        users.change_role(session, name, _read_role(), get_person().actor)
    return go("access.show", done="role_changed")


@blueprint.post("/users/<name>/password")
@needs(Role.ADMINISTRATOR)
@refills(show, "password-{name}")
def change_password(name: str) -> AnyResponse:
    """Set a user's password."""
    password_hash = _hash_password()
    with get_services().database.write() as session:
        users.change_password(session, name, password_hash, get_person().actor)
    return go("access.show", done="password_changed")


@blueprint.post("/users/<name>/disable")
@needs(Role.ADMINISTRATOR)
@refills(show)
def disable_user(name: str) -> AnyResponse:
    """Disable a user."""
    with get_services().database.write() as session:
        users.disable_user(session, name, get_person().actor)
    return go("access.show", done="user_disabled")


@blueprint.post("/users/<name>/enable")
@needs(Role.ADMINISTRATOR)
@refills(show)
def enable_user(name: str) -> AnyResponse:
    """Enable a user again."""
    with get_services().database.write() as session:
        users.enable_user(session, name, get_person().actor)
    return go("access.show", done="user_enabled")


@blueprint.post("/keys")
@needs(Role.ADMINISTRATOR)
@refills(show, "make-key")
def create_key() -> AnyResponse:
    """Create a key. The page shows it once."""
    try:
        name = api_keys.clean_name(request.form.get("application", ""))
    except ValueError as error:
        raise FieldRefused("application", str(error)) from error
    given = request.form.getlist("scope")
    if not set(given) <= set(Scope):
        abort(422, "There is no such scope.")
    scopes = [scope for scope in Scope if scope.value in given]
    if not scopes:
        raise FieldRefused("scope", "Choose at least one scope: a key without scopes can do nothing.")
    purpose, terms = _read_purpose(), _read_terms()
    with get_services().database.write() as session:
        is_new = api_keys.find_application_id(session, name) is None
        key, application = api_keys.issue_key(session, name, scopes, get_person().actor, terms, purpose)
        secret = application.callback_secret if is_new else ""
    return show_once(go("access.show"), key=key, application=name, secret=secret)


@blueprint.post("/keys/<prefix>/rotate")
@needs(Role.ADMINISTRATOR)
def rotate_key(prefix: str) -> AnyResponse:
    """Replace a key, and show the new one."""
    with get_services().database.write() as session:
        name = api_keys.get_valid_key(session, prefix).application.name
        key = api_keys.rotate_key(session, prefix, DEFAULT_OVERLAP_S, get_person().actor)
    return show_once(go("access.show"), key=key, application=name)


@blueprint.post("/keys/<prefix>/revoke")
@needs(Role.ADMINISTRATOR)
@refills(show)
def revoke_key(prefix: str) -> AnyResponse:
    """Revoke a key."""
    with get_services().database.write() as session:
        api_keys.revoke_key(session, prefix, get_person().actor)
    return go("access.show", done="key_revoked")


def _read_purpose() -> Purpose | None:
    given = request.form.get("purpose", "")
    if given and given not in set(Purpose):
        abort(422, "There is no such purpose.")
    return Purpose(given) if given else None


def _read_terms() -> api_keys.KeyTerms:
    """Read the key's terms from the form. Empty fields set no limit."""
    given = read_query(_Terms, request.form)
    return api_keys.KeyTerms(
        description=given.description,
        expires_at=None if given.expires_on is None else end_day(given.expires_on),
        rate_limit=given.rate_limit,
        daily_quota=given.daily_quota,
    )


def _hash_password() -> str:
    """Hash the password of the form. Raises FieldRefused."""
    try:
        return users.hash_password(request.form.get("password", ""))
    except users.InvalidUser as error:
        raise FieldRefused("password", str(error)) from error


def _read_role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        abort(422, "There is no such role.")
