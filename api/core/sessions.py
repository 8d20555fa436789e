"""Sessions of signed-in users: the session cookie, and the CSRF token.

The session is a row in the database (`db/accounts/sign_in.py`), so that all processes share it and it can be ended at once. The
CSRF token is derived from the session's own secret: see docs/decisions/0502-sessions-prove-where-a-form-comes-from.md.
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from flask import Request, g, request
from werkzeug.wrappers import Response

from api.core.services import get_services
from db.accounts import sign_in
from db.accounts.sessions import make_id
from db.core.actors import Actor
from db.core.vocabulary import Role

COOKIE = "emoscope_session"
FORM_FIELD = "csrf_token"
HEADER = "X-CSRF-Token"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""


@dataclass(frozen=True)
class Person:
    """A signed-in user with a session. csrf_token: required, beside the cookie, to change anything."""

    id: UUID
    name: str
    role: Role
    csrf_token: str
    session_id: str

    @property
    def actor(self) -> Actor:
        """The user as an actor for history."""
        return Actor.user(self.name)


def find_person() -> Person | None:
    """Return the user whose session this request carries, looked up once per request; None if nobody is signed in.

    After a failed look-up it returns None, so that the error page doesn't fail in the same way.
    """
    if "person" not in g:
        g.person = None
        g.person = _look_up(request.cookies.get(COOKIE, ""))
    found: Person | None = g.person
    return found


def is_same_origin(made: Request) -> bool:
    """Return whether a browser sent this request from one of our own pages, or no browser sent it.

    Browsers send Sec-Fetch-Site over HTTPS and to localhost, and Origin elsewhere.
    """
    site = made.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = made.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == made.host


def has_csrf_token(person: Person, made: Request) -> bool:
    """Return whether the request carries the session's CSRF token, as a header or, on the pages, as a form field.

    Only pages read the form here: API routes first set the limits of a photo's form.
    """
    given = made.headers.get(HEADER)
    if given is None and made.blueprint is not None and made.blueprint.startswith("pages"):
        given = made.form.get(FORM_FIELD)
    return given is not None and hmac.compare_digest(given.encode(), person.csrf_token.encode())


def set_cookie(response: Response, token: str) -> None:
    """Set the session cookie. Scripts can't read it, and forms of other sites can't send it."""
    lifetime_s = int(get_services().settings.session_lifetime_s)
    response.set_cookie(
        COOKIE, token, max_age=lifetime_s, httponly=True, samesite="Lax", secure=is_over_tls(), path="/"
    )


def clear_cookie(response: Response) -> None:
    """Delete the session cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=is_over_tls(), path="/")


def is_over_tls() -> bool:
    """Return whether the browser speaks TLS, to us or to any proxy, trusted or not: a forged header only costs the sender's own
    cookie.
    """
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"


def _look_up(token: str) -> Person | None:
    if not token:
        return None
    with get_services().database.read() as session:
        user = sign_in.find_signed_in(session, token)
        return None if user is None else Person(user.id, user.name, user.role, _make_csrf_token(token), make_id(token))


def _make_csrf_token(token: str) -> str:
    return hmac.new(token.encode(), b"emoscope csrf", hashlib.sha256).hexdigest()
