"""Users: list, create and change them. Every call needs the scope `admin`."""

from http import HTTPStatus
from typing import Annotated

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from api.core.authentication import get_caller, protect
from api.core.field_types import Time
from api.core.fields import JsonBody
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.jobs.options import Unset
from db import tables
from db.accounts import users
from db.core.vocabulary import Role, Scope

blueprint = APIBlueprint("people", __name__, url_prefix="/v1/users", tag="Access")
protect(blueprint, Scope.ADMIN)

Password = Annotated[str, Field(description="12 to 1,000 characters.", examples=["correct horse battery"])]


class NewUser(JsonBody):
    """A user to create."""

    name: str = Field(description="Name for the sign-in; not case-sensitive.", examples=["ana"])
    password: Password
    role: Role = Field(description="Role of the user. Each role includes the ones before it.", examples=["reviewer"])


class UserChange(JsonBody):
    """Changes to a user. Missing fields stay as they are."""

    role: Role | Unset = Field(default=None, description="Takes effect at the user's next request.")
    password: Password | Unset = Field(default=None, description="A new password ends all sessions of the user.")
    is_disabled: bool | Unset = Field(
        default=None, description="True disables the user at once. False enables the user and lifts a lock."
    )


class User(BaseModel):
    """A user of the pages."""

    name: str = Field(examples=["ana"])
    role: Role = Field(examples=["reviewer"])
    is_disabled: bool = Field(examples=[False])
    locked_until: Time | None = Field(description="Set after too many wrong passwords.")
    last_signed_in_at: Time | None
    created_at: Time


class UserList(BaseModel):
    """All users, by name."""

    items: list[User]


@blueprint.get("")
@blueprint.output(UserList, description="All users.")
@blueprint.doc(summary="List people", responses=describe_errors("scope_missing"))
def list_users() -> Response:
    """List all users."""
    with get_services().database.read() as session:
        shown = [user_to_schema(user) for user in users.list_users(session)]
    return respond(UserList(items=shown))


@blueprint.post("")
@blueprint.input(NewUser, location="json", arg_name="new")
@blueprint.output(User, status_code=HTTPStatus.CREATED, description="The user can sign in.")
@blueprint.doc(
    summary="Create a user",
    responses=describe_errors("scope_missing", "invalid_user", "passwords_busy", "invalid_request"),
)
def create_user(new: NewUser) -> Response:
    """Create a user."""
    password_hash = users.hash_password(new.password)
    with get_services().database.write() as session:
        user = users.create_user(session, new.name, password_hash, new.role, get_caller().actor)
    return respond(user_to_schema(user), HTTPStatus.CREATED)


@blueprint.patch("/<name>")
@blueprint.input(UserChange, location="json", arg_name="change")
@blueprint.output(User, description="The changed user.")
@blueprint.doc(
    summary="Change a user",
    description="Changes role, password, and whether the user can sign in. Name, votes and audit log are kept.",
    responses=describe_errors(
        "scope_missing",
        "unknown_user",
        "own_account",
        "last_administrator",
        "invalid_user",
        "passwords_busy",
        "invalid_request",
    ),
)
def change_user(name: str, change: UserChange) -> Response:
    """Change the given fields of a user."""
    actor = get_caller().actor
    password_hash = None if change.password is None else users.hash_password(change.password)
    with get_services().database.write() as session:
        user = users.get_user(session, name)
        if change.role is not None:
            users.change_role(session, name, change.role, actor)
        if password_hash is not None:
            users.change_password(session, name, password_hash, actor)
        if change.is_disabled is not None:
            (users.disable_user if change.is_disabled else users.enable_user)(session, name, actor)
    return respond(user_to_schema(user))


def user_to_schema(user: tables.User) -> User:
    """Convert a user to its API schema."""
    return User(
        name=user.name,
        role=user.role,
        is_disabled=user.disabled_at is not None,
        locked_until=user.locked_until,
        last_signed_in_at=user.last_signed_in_at,
        created_at=user.created_at,
    )
