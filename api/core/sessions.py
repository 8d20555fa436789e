"""Signed-in browsers: the cookie that names a session, and the proof that a request comes from our own pages.

The session itself lies in the database (`db/accounts/sign_in.py`), so several processes share it and it can be ended at once. The
proof against forged requests is made from the session's own secret: see
docs/decisions/0502-sessions-prove-where-a-form-comes-from.md.
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
    """Who is signed in, by which session. proof: what a request must carry, beside the cookie, to change anything."""

    id: UUID
    name: str
    role: Role
    csrf_token: str
    session_id: str

    @property
    def actor(self) -> Actor:
        """The person as histories show them."""
        return Actor.user(self.name)


def find_person() -> Person | None:
    """The person whose session this request carries, looked up once a request; None if nobody is signed in.

    Where the look-up fails it is nobody from then on, so that the page that tells of the failure doesn't fail by the same.
    """
    if "person" not in g:
        g.person = None
        g.person = _look_up(request.cookies.get(COOKIE, ""))
    found: Person | None = g.person
    return found


def is_from_here(made: Request) -> bool:
    """Whether a browser sent this request from one of our own pages, or no browser sent it.

    Browsers say so themselves: by Sec-Fetch-Site, which they send over HTTPS and to this machine, and by Origin elsewhere.
    """
    site = made.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = made.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == made.host


def has_csrf_token(person: Person, made: Request) -> bool:
    """Whether the request carries this session's proof as a header; a page's form may carry it as a field.

    A form is only read on the pages: the API sets the limits of a photo's form itself.
    """
    given = made.headers.get(HEADER)
    if given is None and made.blueprint is not None and made.blueprint.startswith("pages"):
        given = made.form.get(FORM_FIELD)
    return given is not None and hmac.compare_digest(given.encode(), person.csrf_token.encode())


def set_cookie(response: Response, token: str) -> None:
    """Give the browser its session. Scripts can't read the cookie, and other sites can't make a form send it."""
    lifetime_s = int(get_services().settings.session_lifetime_s)
    response.set_cookie(
        COOKIE, token, max_age=lifetime_s, httponly=True, samesite="Lax", secure=is_over_tls(), path="/"
    )


def clear_cookie(response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=is_over_tls(), path="/")


def is_over_tls() -> bool:
    """Whether the browser speaks TLS, to us or to a proxy, be it trusted or not: who lies here only loses their own cookie."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"


def _look_up(token: str) -> Person | None:
    if not token:
        return None
    with get_services().database.read() as session:
        user = sign_in.find_signed_in(session, token)
        return None if user is None else Person(user.id, user.name, user.role, _make_csrf_token(token), make_id(token))


def _make_csrf_token(token: str) -> str:
    return hmac.new(token.encode(), b"emoscope csrf", hashlib.sha256).hexdigest()
