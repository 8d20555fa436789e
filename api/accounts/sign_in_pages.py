"""Signing in and out."""

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
"""A path of this site. What begins with two slashes names another site; so it does with a tab between them, which browsers drop."""


@blueprint.get("/sign-in")
@needs(EVERYBODY)
def show() -> str | AnyResponse:
    """The form; or, where there is nobody yet who could sign in, how to make the first person."""
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
        return _refuse(name, "Many people sign in at the moment. Try again in some seconds."), 503
    response = redirect(_find_target(), 303)
    set_cookie(response, token)
    return response


@blueprint.post("/sign-out")
@needs(Role.VIEWER)
def leave() -> AnyResponse:
    """End this session."""
    with get_services().database.write() as session:
        sign_in.close_session(session, request.cookies.get(COOKIE, ""))
    response = go("sign_in.show", done="signed_out")
    clear_cookie(response)
    return response


def _refuse(name: str, problem: str) -> str:
    return render_template("accounts/sign_in.html", has_users=True, name=name, problem=problem)


def _find_target() -> str:
    """Where the person was going. Only paths of this site: a link to the sign-in must not lead to another one."""
    target = request.args.get("next", "")
    return target if _PATH.fullmatch(target) else url_for("pages.dashboard.show")
