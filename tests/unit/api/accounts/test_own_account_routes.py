"""One's own password and sessions over the API: for people who are signed in, and for no key."""

from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.core.sessions import COOKIE
from db.accounts import passwords, sign_in, users
from db.accounts.sign_in_tries import FIRST_PAUSE_S
from db.core.session import Database
from tests.support.factories.actors import TEST
from tests.support.visitors import PASSWORD, Visitor

NEW = "battery staple correct"
CALLS = (
    ("GET", "/v1/account/sessions"),
    ("POST", "/v1/account/password"),
    ("POST", "/v1/account/sessions/end-others"),
    ("DELETE", "/v1/account/sessions/00ff"),
)


@pytest.fixture
def other(viewer: Visitor, app: APIFlask, database: Database) -> FlaskClient:
    """Another browser in which the viewer is signed in."""
    with database.write() as session:
        token = sign_in.open_session(session, users.get_user(session, "viewer"), lifetime_s=3600)
    client = app.test_client()
    client.set_cookie(COOKIE, token)
    return client


def call(visitor: Visitor, method: str, path: str, **more: Any) -> tuple[int, Any]:
    answer = visitor.client.open(path, method=method, headers={"X-CSRF-Token": visitor.csrf_token}, **more)
    return answer.status_code, answer.get_json()["code"] if answer.status_code >= 400 else answer.get_json(silent=True)


def change(visitor: Visitor, present: str = PASSWORD, new: str = NEW) -> tuple[int, Any]:
    return call(visitor, "POST", "/v1/account/password", json={"present": present, "new": new})


def list_sessions(client: FlaskClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("/v1/account/sessions").get_json()["items"]
    return items


def test_no_key_reaches_it_whatever_its_scopes(client: FlaskClient, admin: FlaskClient) -> None:
    for method, path in CALLS:
        for keyed in (client, admin):
            answer = keyed.open(path, method=method)
            assert (answer.status_code, answer.get_json()["code"]) == (403, "session_needed"), (method, path)


def test_nothing_changes_without_the_sessions_proof(viewer: Visitor, other: FlaskClient) -> None:
    for method, path in CALLS[1:]:
        answer = viewer.client.open(path, method=method, json={"present": PASSWORD, "new": NEW})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized"), (method, path)
    assert len(list_sessions(viewer.client)) == 2


def test_a_changed_password_ends_the_other_sessions_and_is_logged_as_ones_own(
    viewer: Visitor, other: FlaskClient, administrator: Visitor, database: Database
) -> None:
    assert change(viewer) == (204, None)
    assert other.get("/v1/account/sessions").status_code == 401
    assert len(list_sessions(viewer.client)) == 1
    assert sign_in.authenticate(database, "viewer", NEW).name == "viewer"
    log = administrator.client.get("/v1/changes?subject=user:viewer&actor=viewer").get_json()["items"]
    actions = [event["action"] for event in log]
    assert actions.count("user.change_password") == 1
    assert set(actions) == {"user.change_password", "user.sign_in"}


def test_each_refusal_has_its_code_and_changes_nothing(
    viewer: Visitor, other: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert change(viewer, new="short") == (422, "invalid_user")
    assert call(viewer, "POST", "/v1/account/password", json={"new": NEW}) == (422, "invalid_request")
    with monkeypatch.context() as hurried, passwords.take_slot("a"), passwords.take_slot("b"):
        hurried.setattr(passwords, "_LONGEST_WAIT_S", 0.0)
        assert change(viewer) == (503, "passwords_busy")
    assert [change(viewer, present="wrong") for _ in range(5)] == [(403, "wrong_password")] * 5
    body = {"present": PASSWORD, "new": NEW}
    locked = viewer.client.post("/v1/account/password", json=body, headers={"X-CSRF-Token": viewer.csrf_token})
    assert (locked.status_code, locked.get_json()["code"]) == (429, "account_locked")
    assert FIRST_PAUSE_S - 20 < int(locked.headers["Retry-After"]) <= FIRST_PAUSE_S
    assert len(list_sessions(viewer.client)) == 2
    with database.write() as session:
        users.enable_user(session, "viewer", actor=TEST)
    assert sign_in.authenticate(database, "viewer", PASSWORD).name == "viewer"


def test_ones_own_sessions_are_listed_and_ended(viewer: Visitor, other: FlaskClient, reviewer: Visitor) -> None:
    newer, this = list_sessions(viewer.client)
    assert [newer["is_this"], this["is_this"]] == [False, True]
    assert newer["created_at"] > this["created_at"]
    assert newer["expires_at"] > newer["created_at"]
    assert set(this) == {"id", "created_at", "expires_at", "is_this"}
    assert call(reviewer, "DELETE", f"/v1/account/sessions/{newer['id']}") == (404, "unknown_session")
    assert call(viewer, "DELETE", f"/v1/account/sessions/{newer['id']}") == (204, None)
    assert other.get("/v1/account/sessions").status_code == 401
    assert call(viewer, "DELETE", f"/v1/account/sessions/{newer['id']}") == (404, "unknown_session")
    assert call(viewer, "DELETE", f"/v1/account/sessions/{this['id']}") == (204, None)
    assert viewer.client.get("/dashboard").status_code == 302


def test_all_other_sessions_of_ones_own_are_ended(viewer: Visitor, other: FlaskClient, reviewer: Visitor) -> None:
    assert call(viewer, "POST", "/v1/account/sessions/end-others") == (204, None)
    assert other.get("/v1/account/sessions").status_code == 401
    assert [session["is_this"] for session in list_sessions(viewer.client)] == [True]
    assert len(list_sessions(reviewer.client)) == 1


def test_the_document_says_that_it_takes_a_session(app: APIFlask) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    [scheme] = [each for each in document["components"]["securitySchemes"].values() if each["type"] == "apiKey"]
    assert (scheme["in"], scheme["name"]) == ("cookie", COOKIE)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            is_own = path.startswith("/v1/account/")
            assert (operation.get("security") == [{"Session": []}]) is is_own, path
