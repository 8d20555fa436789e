"""Signing in and out: where it leads, how long it lasts, and who is kept out."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select

from api.core.sessions import COOKIE
from db.accounts import passwords
from db.accounts.tables import UserSession
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Role
from db.model_versions.tables import ModelVersion
from tests.support.factories.accounts import add_user
from tests.support.visitors import LISTS, OFFICE, PASSWORD, WORK, Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_first_visitor_is_told_how_to_make_a_person(app: APIFlask, database: Database, password_hash: str) -> None:
    client = app.test_client()
    assert "emoscope user create NAME --role administrator" in client.get("/sign-in").text
    add_user(database, "ana", Role.VIEWER, password_hash)
    assert "emoscope user create" not in client.get("/sign-in").text


def sign_in(client: FlaskClient, password: str = PASSWORD, **query: str) -> tuple[int, str]:
    response = client.post("/sign-in", data={"name": "ana", "password": password}, query_string=query)
    return response.status_code, response.headers.get("Location", response.text)


@pytest.fixture
def stranger(app: APIFlask, database: Database, password_hash: str) -> FlaskClient:
    """Ana, before she signs in."""
    add_user(database, "ana", Role.VIEWER, password_hash)
    return app.test_client()


def test_signing_in_leads_to_where_one_was_going_and_out_ends_it(stranger: FlaskClient) -> None:
    assert stranger.get("/jobs?status=failed").location == "/sign-in?next=/jobs?status%3Dfailed"
    assert sign_in(stranger, next="/jobs?status=failed") == (303, "/jobs?status=failed")
    cookie = stranger.get_cookie(COOKIE)
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    found = re.search(r'name="csrf_token" value="(\w+)"', stranger.get("/dashboard").text)
    assert found is not None
    stranger.post("/sign-out", data={"csrf_token": found[1]})
    stranger.set_cookie(COOKIE, cookie.value)
    assert stranger.get("/dashboard").status_code == 302


def test_a_session_lasts_as_long_as_the_setting_says(
    open_app: Callable[..., APIFlask], stranger: FlaskClient, database: Database
) -> None:
    client = open_app(session_lifetime_s=3600.0).test_client()
    assert sign_in(client) == (303, "/dashboard")
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    assert cookie.max_age == 3600
    with database.write() as session:
        [opened] = session.scalars(select(UserSession))
        assert opened.expires_at - opened.created_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))
        opened.expires_at = utcnow()
    assert client.get("/dashboard").status_code == 302


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(stranger: FlaskClient, target: str) -> None:
    assert sign_in(stranger, next=target) == (303, "/dashboard")


def test_wrong_passwords_lock_the_account(stranger: FlaskClient) -> None:
    statuses = [sign_in(stranger, "wrong")[0] for _ in range(5)]
    assert statuses == [403] * 5
    status, text = sign_in(stranger)
    assert status == 429
    assert "Too many wrong passwords" in text


def test_a_sign_in_that_finds_no_place_says_when_to_try_again(
    app: APIFlask, administrator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_LONGEST_WAIT_S", 0.0)
    with passwords.take_slot("a"), passwords.take_slot("b"):
        answer = app.test_client().post("/sign-in", data={"name": "ana", "password": PASSWORD})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert 'value="ana"' in answer.text
        person = {"name": "ben", "password": PASSWORD, "role": "viewer"}
        assert administrator.post("/access/users", **person)[0] == 503
        refused = administrator.client.post(
            "/v1/users", json=person, headers={"X-CSRF-Token": administrator.csrf_token}
        )
        assert (refused.status_code, refused.get_json()["code"]) == (503, "passwords_busy")
        assert refused.headers["Retry-After"] == "5"
    assert administrator.post("/access/users", **person)[0] == 303


def test_behind_a_proxy_with_a_prefix_every_address_begins_with_it(
    open_app: Callable[..., APIFlask], stranger: FlaskClient, administrator: Visitor, champion: ModelVersion
) -> None:
    client = open_app(trusted_proxies=1).test_client()
    client.environ_base["HTTP_X_FORWARDED_PREFIX"] = "/emo"
    assert client.get("/jobs?status=failed").location == "/emo/sign-in?next=/emo/jobs?status%3Dfailed"
    assert sign_in(client, next="/emo/jobs?status=failed") == (303, "/emo/jobs?status=failed")
    cookie = administrator.client.get_cookie(COOKIE)
    assert cookie is not None
    client.set_cookie(COOKIE, cookie.value)
    for path in (*LISTS, *WORK, *OFFICE, "/account", "/models/1"):
        text = client.get(path).text
        addresses = re.findall(r'\s(?:href|src|action|data-\w+-url)="([^"]*)"', text)
        assert len(addresses) > 10, path
        assert [each for each in addresses if not each.startswith(("/emo/", "#"))] == [], path
