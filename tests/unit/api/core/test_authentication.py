"""Authentication by key: missing, wrong, revoked, valid."""

from uuid import uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.accounts import api_keys
from db.core.session import Database


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer emo_wrong", "Basic ZW1vOng=", "emo_wrong", "Bearer é", "Bearer a=b"],
)
def test_without_a_valid_key_nothing_is_shown(app: APIFlask, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in [("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", f"/v1/faces/{uuid4()}/crop")]:
        response = app.test_client().open(path, method=method, headers=headers)
        assert (response.status_code, response.get_json()["code"]) == (401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="emoscope"'


def test_every_route_under_v1_asks_for_a_key(app: APIFlask) -> None:
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/v1/"):
            continue
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<int:{name}>", "1").replace(f"<uuid:{name}>", str(uuid4()))
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            assert app.test_client().open(path, method=method).status_code == 401, (method, path)


def test_a_revoked_key_opens_nothing(client: FlaskClient, database: Database) -> None:
    assert client.get("/v1/jobs").status_code == 200
    with database.write() as session:
        [key] = api_keys.list_keys(session)
        api_keys.revoke_key(session, key.prefix)
    assert client.get("/v1/jobs").status_code == 401


def test_the_use_of_a_key_is_noted(client: FlaskClient, database: Database) -> None:
    client.get("/v1/jobs")
    with database.read() as session:
        [key] = api_keys.list_keys(session)
    assert key.last_used_at is not None
    client.get("/v1/jobs")
    with database.read() as session:
        [again] = api_keys.list_keys(session)
    assert again.last_used_at == key.last_used_at


def test_options_needs_no_key(app: APIFlask) -> None:
    assert app.test_client().options("/v1/jobs").status_code == 200
