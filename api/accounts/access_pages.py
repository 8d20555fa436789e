"""Access: the people who sign in, and the API keys of applications."""

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from api.core.services import get_services
from api.web.forms import FieldRefused, read_once, refills, show_once
from api.web.site import get_person, go, needs
from db.accounts import api_keys, users
from db.core.types import utcnow
from db.core.vocabulary import Role, Scope

blueprint = Blueprint("access", __name__, url_prefix="/access")


@blueprint.get("")
@needs(Role.ADMINISTRATOR)
def show() -> str:
    """All people and all keys, with the forms to change them; and a key that was just made, this once."""
    told = read_once()
    with get_services().database.read() as session:
        user_rows, keys = users.list_users(session), api_keys.list_keys(session)
    return render_template(
        "accounts/access.html",
        user_rows=user_rows,
        keys=keys,
        scopes=tuple(Scope),
        now=utcnow(),
        new_key=told.get("key"),
        new_key_application=told.get("application"),
    )


@blueprint.post("/users")
@needs(Role.ADMINISTRATOR)
@refills(show, "add-person", name=users.InvalidUser)
def create_user() -> AnyResponse:
    """Add a person."""
    password_hash = _hash_password()
    with get_services().database.write() as session:
        users.create_user(session, request.form.get("name", ""), password_hash, _read_role(), get_person().actor)
    return go("access.show", done="user_created")


@blueprint.post("/users/<name>/role")
@needs(Role.ADMINISTRATOR)
@refills(show)
def change_role(name: str) -> AnyResponse:
    """Give a person another role."""
    with get_services().database.write() as session:
        users.change_role(session, name, _read_role(), get_person().actor)
    return go("access.show", done="role_changed")


@blueprint.post("/users/<name>/password")
@needs(Role.ADMINISTRATOR)
@refills(show, "password-{name}")
def change_password(name: str) -> AnyResponse:
    """Set a person's password."""
    password_hash = _hash_password()
    with get_services().database.write() as session:
        users.change_password(session, name, password_hash, get_person().actor)
    return go("access.show", done="password_changed")


@blueprint.post("/users/<name>/disable")
@needs(Role.ADMINISTRATOR)
@refills(show)
def disable_user(name: str) -> AnyResponse:
    """Shut a person out."""
    with get_services().database.write() as session:
        users.disable_user(session, name, get_person().actor)
    return go("access.show", done="user_disabled")


@blueprint.post("/users/<name>/enable")
@needs(Role.ADMINISTRATOR)
@refills(show)
def enable_user(name: str) -> AnyResponse:
    """Let a person in again."""
    with get_services().database.write() as session:
        users.enable_user(session, name, get_person().actor)
    return go("access.show", done="user_enabled")


@blueprint.post("/keys")
@needs(Role.ADMINISTRATOR)
@refills(show, "make-key")
def create_key() -> AnyResponse:
    """Make a key, and let the page show it once."""
    try:
        name = api_keys.clean_name(request.form.get("application", ""))
    except ValueError as error:
        raise FieldRefused("application", str(error)) from error
    given = request.form.getlist("scope")
    if not set(given) <= set(Scope):
        abort(422, "There is no such scope.")
    scopes = [scope for scope in Scope if scope.value in given]
    if not scopes:
        raise FieldRefused("scope", "A key that may do nothing is of no use: choose what it may do.")
    with get_services().database.write() as session:
        application = api_keys.ensure_application(session, name)
        key = api_keys.create_key(session, application, scopes, get_person().actor)
    return show_once(go("access.show"), key=key, application=name)


@blueprint.post("/keys/<prefix>/revoke")
@needs(Role.ADMINISTRATOR)
@refills(show)
def revoke_key(prefix: str) -> AnyResponse:
    """End a key."""
    try:
        with get_services().database.write() as session:
            was_valid = api_keys.revoke_key(session, prefix, get_person().actor)
    except ValueError as error:  # several begin like this
        abort(422, str(error))
    if not was_valid:
        abort(404, "There is no valid key that starts like this.")
    return go("access.show", done="key_revoked")


def _hash_password() -> str:
    """The hash of the form's password. Raises FieldRefused."""
    try:
        return users.hash_password(request.form.get("password", ""))
    except users.InvalidUser as error:
        raise FieldRefused("password", str(error)) from error


def _read_role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        abort(422, "There is no such role.")
