"""Sign-in and sign-out pages."""

import re

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from api.core.services import get_services
from api.core.sessions import COOKIE, clear_cookie, find_person, set_cookie
from api.web.site import EVERYBODY, go, needs
from db.accounts import sign_in, users
from db.accounts.passwords import PasswordsBusy
from db.accounts.sign_in_tries import AccountLocked
from db.core.vocabulary import Role

blueprint = Blueprint("sign_in", __name__)

_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\x7f]*")
"""A path on this site. A path with two leading slashes names another host, also with a tab between them: browsers drop the tab."""


@blueprint.get("/sign-in")
@needs(EVERYBODY)
def show() -> str | AnyResponse:
    """Show the sign-in form, or how to create the first user if there is none."""
    if find_person() is not None:
        return redirect(_find_target())
    with get_services().database.read() as session:
        has_users = users.has_users(session)
    return render_template("accounts/sign_in.html", has_users=has_users, name="", problem=None)


@blueprint.post("/sign-in")
@needs(EVERYBODY)
def enter() -> tuple[str, int] | AnyResponse:
    """Check name and password, and start a session."""
    services = get_services()
    name = request.form.get("name", "")
    try:
        user = sign_in.authenticate(
            services.database, name, request.form.get("password", ""), request.remote_addr or ""
        )
        with services.database.write() as session:
            token = sign_in.open_session(session, user, services.settings.session_lifetime_s)
            sign_in.forget_expired_sessions(session)
    except sign_in.SignInRefused:
        return _refuse(name, "Name or password is wrong."), 403
    except AccountLocked as error:
        return _refuse(name, f"Too many wrong passwords. Try again after {error.until:%H:%M} UTC."), 429
    except PasswordsBusy:
        return _refuse(name, "Too many users are signing in. Try again in some seconds."), 503
    response = redirect(_find_target(), 303)
    set_cookie(response, token)
    return response


@blueprint.post("/sign-out")
@needs(Role.VIEWER)
def leave() -> AnyResponse:
    """End the session."""
    with get_services().database.write() as session:
        sign_in.close_session(session, request.cookies.get(COOKIE, ""))
    response = go("sign_in.show", done="signed_out")
    clear_cookie(response)
    return response


def _refuse(name: str, problem: str) -> str:
    return render_template("accounts/sign_in.html", has_users=True, name=name, problem=problem)


def _find_target() -> str:
    """Return the path to redirect to after the sign-in. Only paths on this site, so that a sign-in link can't lead elsewhere."""
    target = request.args.get("next", "")
    return target if _PATH.fullmatch(target) else url_for("pages.dashboard.show")
