"""Which hosts the service answers for, and how the session's cookie is kept to TLS."""

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.accounts import users
from db.core.session import Database
from db.core.vocabulary import Role
from tests.support.factories.accounts import add_user

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def strict(open_app: Callable[..., APIFlask]) -> FlaskClient:
    return open_app(allowed_hosts="emo.example.com, .internal").test_client()


@pytest.mark.parametrize("host", ["emo.example.com", "emo.example.com:8000", "a.internal", "EMO.example.com"])
def test_a_host_of_the_list_is_answered(strict: FlaskClient, host: str) -> None:
    answer = strict.get("/docs", headers={"Host": host})
    assert answer.status_code == 200
    assert f"curl http://{host.lower()}/v1/jobs" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "emo.example.com.evil.example", "internal.evil.example", "localhost"])
@pytest.mark.parametrize("path", ["/docs", "/", "/v1/jobs", "/sign-in", "/openapi.json"])
def test_a_foreign_host_is_refused_and_repeated_nowhere(strict: FlaskClient, path: str, host: str) -> None:
    answer = strict.get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert host not in answer.text


def test_health_checks_come_by_any_name(strict: FlaskClient) -> None:
    assert strict.get("/healthz", headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_without_a_list_any_host_is_answered(app: APIFlask) -> None:
    assert app.test_client().get("/docs", headers={"Host": "any.example"}).status_code == 200


@pytest.mark.parametrize(
    ("trusted_proxies", "protocol", "is_secure"), [(1, "https", True), (0, "https", True), (1, "http", False)]
)
def test_behind_a_proxy_that_ends_tls_the_cookie_is_secure(
    open_app: Callable[..., APIFlask], database: Database, trusted_proxies: int, protocol: str, *, is_secure: bool
) -> None:
    add_user(database, "ana", Role.VIEWER, users.hash_password(PASSWORD))
    client = open_app(trusted_proxies=trusted_proxies).test_client()
    headers = {"X-Forwarded-Proto": protocol, "X-Forwarded-For": "203.0.113.1"}
    answer = client.post("/sign-in", data={"name": "ana", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 303, answer.text
    assert ("Secure" in answer.headers["Set-Cookie"]) == is_secure
    assert ("Strict-Transport-Security" in answer.headers) == (is_secure and trusted_proxies == 1)
