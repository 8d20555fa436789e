"""The account page of the signed-in user: password and sessions."""

from typing import Literal

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from api.core.services import get_services
from api.web.site import get_person, go, needs
from db.accounts import sessions as user_sessions
from db.accounts.passwords import PasswordsBusy
from db.accounts.sign_in import SignInRefused, change_own_password
from db.accounts.sign_in_tries import AccountLocked
from db.accounts.users import InvalidUser
from db.core.vocabulary import Role

blueprint = Blueprint("account", __name__, url_prefix="/account")

Field = Literal["present", "new", "again"]
"""Fields of the password form."""


@blueprint.get("")
@needs(Role.VIEWER)
def show() -> str:
    """Show the password form and the user's sessions."""
    return _render()


@blueprint.post("")
@needs(Role.VIEWER)
def change_password() -> tuple[str, int] | AnyResponse:
    """Change the user's password. The form posts to the page's own URL, so that the page can be reloaded after an error."""
    person = get_person()
    present, new = request.form.get("present", ""), request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _render("The new passwords don't match.", "again"), 422
    try:
        change_own_password(
            get_services().database, person.name, present, new, person.session_id, request.remote_addr or ""
        )
    except InvalidUser as error:
        return _render(f"The new password is not allowed: {error}.", "new"), 422
    except SignInRefused:
        return _render("The current password is wrong.", "present"), 403
    except AccountLocked as error:
        return _render(f"Too many wrong passwords. Try again after {error.until:%H:%M} UTC.", "present"), 429
    except PasswordsBusy:
        return _render("Many passwords are checked at the moment. Try again in some seconds.", "present"), 503
    return go("account.show", done="own_password_changed")


@blueprint.post("/sessions/<session_id>/end")
@needs(Role.VIEWER)
def end_session(session_id: str) -> AnyResponse:
    """End one of the user's sessions."""
    with get_services().database.write() as session:
        user_sessions.end_session(session, get_person().id, session_id)
    return go("account.show", done="session_ended")


@blueprint.post("/sessions/end-others")
@needs(Role.VIEWER)
def end_other_sessions() -> AnyResponse:
    """End all other sessions of the user."""
    person = get_person()
    with get_services().database.write() as session:
        user_sessions.end_sessions(session, person.id, kept_id=person.session_id)
    return go("account.show", done="sessions_ended")


def _render(problem: str | None = None, wrong_field: Field | None = None) -> str:
    """Render the page. problem: why the password wasn't changed; wrong_field: the field to focus."""
    with get_services().database.read() as session:
        sessions = user_sessions.list_sessions(session, get_person().id)
    return render_template("accounts/own_account.html", sessions=sessions, problem=problem, wrong_field=wrong_field)
