"""People of each role, signed in, in front of the pages."""

import re
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.services import Services
from api.sessions import COOKIE
from db import sign_in, users
from db.session import Database
from db.vocabulary import Role

PASSWORD = "correct horse battery"
LISTS = ("/dashboard", "/jobs", "/models", "/training", "/drift")
WORK = ("/review", "/try")
OFFICE = ("/access", "/audit")
"""Pages by the role that they need: viewers, reviewers, administrators."""


class Visitor:
    """A browser without scripts: follows what pages show, and sends their forms with what is hidden in them."""

    def __init__(self, client: FlaskClient, proof: str = "") -> None:
        self.client = client
        self.proof = proof

    def get(self, path: str, **query: object) -> str:
        response = self.client.get(path, query_string=query or None)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.text

    def post(self, path: str, **fields: object) -> tuple[int, str]:
        response = self.client.post(path, data={"csrf_token": self.proof, **fields})
        return response.status_code, response.headers.get("Location", response.text)


@pytest.fixture(scope="session")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@pytest.fixture
def visit(app: APIFlask, services: Services, database: Database, password_hash: str) -> Callable[[Role], Visitor]:
    """Makes a person of a role, named like the role, and signs them in."""

    def make(role: Role) -> Visitor:
        with database.write() as session:
            user = users.create_user(session, role.value, password_hash, role, actor="test")
            token = sign_in.open_session(session, user, services.settings.session_lifetime_s)
        client = app.test_client()
        client.set_cookie(COOKIE, token)
        found = re.search(r'name="csrf_token" value="(\w+)"', client.get("/dashboard").text)
        assert found is not None
        return Visitor(client, found[1])

    return make


@pytest.fixture
def administrator(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.ADMINISTRATOR)


@pytest.fixture
def reviewer(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.REVIEWER)


@pytest.fixture
def viewer(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.VIEWER)
