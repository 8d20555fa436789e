"""Password and sessions of the signed-in user. API keys are refused."""

from http import HTTPStatus

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from api.accounts.user_routes import Password
from api.core.authentication import protect
from api.core.errors import Problem
from api.core.field_types import Time
from api.core.fields import JsonBody
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.core.sessions import Person, find_person
from db.accounts import sessions as user_sessions
from db.accounts import sign_in
from db.accounts.sign_in_tries import AccountLocked
from db.core.types import utcnow

blueprint = APIBlueprint("account", __name__, url_prefix="/v1/account", tag="Account")
protect(blueprint, only_users=True)


class PasswordChange(JsonBody):
    """A new password for the caller."""

    present: str = Field(description="The current password.", examples=["battery staple correct"])
    new: Password


class PersonSession(BaseModel):
    """A browser session of the user."""

    id: str = Field(
        description="Id to end the session by. It can't be used to sign in.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    created_at: Time = Field(description="When the user signed in.")
    expires_at: Time = Field(description="When the session expires.")
    is_this: bool = Field(description="Whether this request belongs to the session.", examples=[True])


class SessionList(BaseModel):
    """The user's active sessions, newest first."""

    items: list[PersonSession]


@blueprint.post("/password")
@blueprint.input(PasswordChange, location="json", arg_name="change")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="The password was changed.")
@blueprint.doc(
    summary="Change your password",
    description="Ends all other sessions of the user.",
    responses=describe_errors(
        "session_needed", "wrong_password", "account_locked", "invalid_user", "passwords_busy", "invalid_request"
    ),
)
def change_password(change: PasswordChange) -> tuple[str, HTTPStatus]:
    """Change the caller's password."""
    person = _get_person()
    try:
        sign_in.change_own_password(
            get_services().database,
            person.name,
            change.present,
            change.new,
            person.session_id,
            request.remote_addr or "",
        )
    except sign_in.SignInRefused as error:
        raise Problem("wrong_password", "the current password is wrong") from error
    except AccountLocked as error:
        seconds = max(1, round((error.until - utcnow()).total_seconds()))
        raise Problem("account_locked", str(error), headers={"Retry-After": str(seconds)}) from error
    return "", HTTPStatus.NO_CONTENT


@blueprint.get("/sessions")
@blueprint.output(SessionList, description="All active sessions.")
@blueprint.doc(summary="List your sessions", responses=describe_errors("session_needed"))
def list_sessions() -> Response:
    """List the caller's sessions."""
    person = _get_person()
    with get_services().database.read() as session:
        shown = [
            PersonSession(
                id=found.id,
                created_at=found.created_at,
                expires_at=found.expires_at,
                is_this=found.id == person.session_id,
            )
            for found in user_sessions.list_sessions(session, person.id)
        ]
    return respond(SessionList(items=shown))


@blueprint.delete("/sessions/<session_id>")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="The session was ended.")
@blueprint.doc(
    summary="End one of your sessions",
    description="If it is the session of this request, this signs the user out.",
    responses=describe_errors("session_needed", "unknown_session"),
)
def end_session(session_id: str) -> tuple[str, HTTPStatus]:
    """End one of the caller's sessions."""
    with get_services().database.write() as session:
        user_sessions.end_session(session, _get_person().id, session_id)
    return "", HTTPStatus.NO_CONTENT


@blueprint.post("/sessions/end-others")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="All other sessions were ended.")
@blueprint.doc(summary="End all your other sessions", responses=describe_errors("session_needed"))
def end_other_sessions() -> tuple[str, HTTPStatus]:
    """End all of the caller's sessions except the one of this request."""
    person = _get_person()
    with get_services().database.write() as session:
        user_sessions.end_sessions(session, person.id, kept_id=person.session_id)
    return "", HTTPStatus.NO_CONTENT


def _get_person() -> Person:
    person = find_person()
    assert person is not None  # keys come no further than `protect`
    return person
