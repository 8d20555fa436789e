"""The account of whoever is signed in to the pages: their password and their sessions. No API key reaches it."""

from http import HTTPStatus

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from api.accounts.user_routes import Password
from api.core.authentication import protect
from api.core.errors import Problem
from api.core.fields import JsonBody
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.core.sessions import Person, find_person
from api.jobs.schemas import Time
from db.accounts import sessions as user_sessions
from db.accounts import sign_in
from db.accounts.sign_in_tries import AccountLocked
from db.core.types import utcnow

blueprint = APIBlueprint("account", __name__, url_prefix="/v1/account", tag="Account")
protect(blueprint, only_users=True)


class PasswordChange(JsonBody):
    """Another password for oneself."""

    present: str = Field(description="The one that counts until now.", examples=["battery staple correct"])
    new: Password


class PersonSession(BaseModel):
    """A browser in which the person is signed in."""

    id: str = Field(
        description="To end the session by; nobody gets in with it.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    created_at: Time = Field(description="When the person signed in.")
    expires_at: Time = Field(description="When the person has to sign in again.")
    is_this: bool = Field(description="Whether this request was made by it.", examples=[True])


class SessionList(BaseModel):
    """All of the person's sessions that still last, newest first."""

    items: list[PersonSession]


@blueprint.post("/password")
@blueprint.input(PasswordChange, location="json", arg_name="change")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="The new password counts.")
@blueprint.doc(
    summary="Change one's own password",
    description="Ends all other sessions of the person, and keeps this one.",
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
        raise Problem("wrong_password", "the present password is another one") from error
    except AccountLocked as error:
        seconds = max(1, round((error.until - utcnow()).total_seconds()))
        raise Problem("account_locked", str(error), headers={"Retry-After": str(seconds)}) from error
    return "", HTTPStatus.NO_CONTENT


@blueprint.get("/sessions")
@blueprint.output(SessionList, description="All of them.")
@blueprint.doc(summary="List one's own sessions", responses=describe_errors("session_needed"))
def list_sessions() -> Response:
    """Read the caller's sessions."""
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
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="Whoever uses that browser has to sign in again.")
@blueprint.doc(
    summary="End one of one's own sessions",
    description="That of this request too, which signs out.",
    responses=describe_errors("session_needed", "unknown_session"),
)
def end_session(session_id: str) -> tuple[str, HTTPStatus]:
    """End one session of the caller."""
    with get_services().database.write() as session:
        user_sessions.end_session(session, _get_person().id, session_id)
    return "", HTTPStatus.NO_CONTENT


@blueprint.post("/sessions/end-others")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="Only the session of this request is left.")
@blueprint.doc(summary="End all other sessions of one's own", responses=describe_errors("session_needed"))
def end_other_sessions() -> tuple[str, HTTPStatus]:
    """End all sessions of the caller but the one of this request."""
    person = _get_person()
    with get_services().database.write() as session:
        user_sessions.end_sessions(session, person.id, kept_id=person.session_id)
    return "", HTTPStatus.NO_CONTENT


def _get_person() -> Person:
    person = find_person()
    assert person is not None  # keys come no further than `protect`
    return person
