"""Every route of the URL map, times every kind of caller. A route that ROUTES doesn't name fails the test."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from api.core.sessions import COOKIE
from db.accounts import api_keys, sign_in, users
from db.core.session import Database
from db.core.vocabulary import Role, Scope

PASSWORD = "correct horse battery"
KEYS = {scope.value: (scope,) for scope in Scope}
ROLES = {role.value: role for role in Role}
USERS = frozenset(ROLES)
EVERYBODY = frozenset({"nobody", "wrong key", "revoked key", *KEYS, *ROLES, "disabled", "expired"})
"""Who may reach a route, before what only hinders writing."""

ANY_KEY = frozenset(KEYS) | USERS
SUBMIT = frozenset({"submit", "reviewer", "administrator"})
REVIEW = frozenset({"review", "reviewer", "administrator"})
ADMIN = frozenset({"admin", "administrator"})
OWN_JOBS = frozenset({"submit", "admin", *USERS})
REVIEWERS = frozenset({"reviewer", "administrator"})
ADMINISTRATORS = frozenset({"administrator"})

ROUTES: dict[str, frozenset[str]] = {}

VALUES = {"uuid": "0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d", "int": "987", "path": "none", "default": "zzzz"}


@dataclass
class Caller:
    """Somebody who asks, by a key or by a session."""

    name: str
    key: str = ""
    token: str = ""
    csrf_token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, app: APIFlask, method: str, path: str) -> TestResponse:
        client: FlaskClient = app.test_client()
        headers = dict(self.headers)
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if self.token:
            client.set_cookie(COOKIE, self.token)
        if self.csrf_token:
            headers["X-CSRF-Token"] = self.csrf_token
        if method == "GET":
            return client.open(path, method=method, headers=headers)
        if path.startswith("/v1/"):
            return client.open(path, method=method, headers=headers, json={})
        return client.open(path, method=method, headers=headers, data={"csrf_token": self.csrf_token})


def list_routes(app: APIFlask) -> Iterator[tuple[str, str, str]]:
    """Name, method and an example path of each route; what an example names doesn't exist."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}", method, fill(rule)


def fill(rule: Rule) -> str:
    return re.sub(r"<(?:(\w+):)?\w+>", lambda found: VALUES[found[1] or "default"], rule.rule)


def is_let_in(response: TestResponse) -> bool:
    if response.status_code == 302:
        return not response.location.startswith("/sign-in")
    return response.status_code not in {401, 403}


@pytest.fixture
def callers(app: APIFlask, database: Database) -> list[Caller]:
    hashed = users.hash_password(PASSWORD)
    made = [Caller("nobody"), Caller("wrong key", key="emo_wrong")]
    with database.write() as session:
        application = api_keys.ensure_application(session, "shop")
        made += [Caller(name, key=api_keys.create_key(session, application, scopes)) for name, scopes in KEYS.items()]
        revoked = api_keys.create_key(session, application)
        api_keys.revoke_key(session, revoked[:12])
        made.append(Caller("revoked key", key=revoked))
        for name, role in {**ROLES, "disabled": Role.ADMINISTRATOR, "expired": Role.ADMINISTRATOR}.items():
            user = users.create_user(session, name, hashed, role, actor="test")
            lifetime_s = -1 if name == "expired" else 3600
            made.append(Caller(name, token=sign_in.open_session(session, user, lifetime_s)))
    for caller in made:
        if caller.name in ROLES:
            page = caller.call(app, "GET", "/dashboard").text
            found = re.search(r'name="csrf_token" value="(\w+)"', page)
            assert found is not None
            caller.csrf_token = found[1]
    with database.write() as session:
        users.disable_user(session, "disabled", actor="test")
    return made


def test_observe(app: APIFlask, callers: list[Caller]) -> None:
    for name, method, path in list_routes(app):
        got = [c.name for c in callers if is_let_in(c.call(app, method, path))]
        print("OBS", name, got)
