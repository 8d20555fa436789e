"""Text with control characters is refused before a database sees it, wherever a request carries it."""

import io
import json
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

PASSWORD = "correct horse battery"
REFUSED = ["a\0b", "\x1b[2J", "a\x7f", "a\x9f"]


@pytest.mark.parametrize("text", REFUSED)
def test_a_query_is_refused_with_its_field(admin: FlaskClient, text: str) -> None:
    for path in (
        "/v1/jobs?error_code=",
        "/v1/jobs?application=",
        "/v1/changes?actor=",
        "/v1/changes?subject=",
        "/docs?q=",
    ):
        answer = admin.get(path + quote(text))
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request"), path
        [error] = answer.get_json()["errors"]
        assert error["in"] == "query"
        assert path.endswith(f"?{error['field']}=")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/v1/keys", {"application": "?"}, "application"),
        ("POST", "/v1/users", {"name": "?", "password": PASSWORD, "role": "viewer"}, "name"),
        ("POST", "/v1/users", {"name": "ana", "password": f"{PASSWORD}?", "role": "viewer"}, "password"),
        ("POST", "/v1/promotions", {"model_version": 1, "reason": "?"}, "reason"),
        ("POST", "/v1/promotions/rollback", {"reason": "?"}, "reason"),
        ("PUT", "/v1/model-versions/challenger", {"model_version": 1, "reason": "?"}, "reason"),
        ("POST", "/v1/reviews/undo", {"last": 1, "reviewer": "?"}, "reviewer"),
        ("POST", "/v1/reviews/undo", {"vote_ids": [{"deep": ["?"]}]}, "vote_ids"),
        ("POST", "/v1/keys", {"?": 1}, "?"),
    ],
)
def test_json_is_refused_with_its_field(
    admin: FlaskClient, method: str, path: str, body: dict[str, object], field: str
) -> None:
    for text in (*REFUSED, "\ud800"):
        filled = json.dumps(body).replace("?", json.dumps(text)[1:-1])
        answer = admin.open(path, method=method, data=filled, content_type="application/json")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request"), answer.text
        [error] = answer.get_json()["errors"]
        assert (error["in"], error["field"]) == ("json", field.replace("?", text))


def test_a_form_is_refused_with_its_field(client: FlaskClient, photo: bytes) -> None:
    form = {"image": (io.BytesIO(photo), "a.jpg"), "callback_url": "https://example.com/\0"}
    answer = client.post("/v1/jobs", data=form)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
    [error] = answer.get_json()["errors"]
    assert (error["in"], error["field"]) == ("form", "callback_url")


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/v1/keys/%00"), ("PATCH", "/v1/users/a%00"), ("GET", "/%1b")])
def test_there_is_nothing_at_an_address_with_control_characters(admin: FlaskClient, method: str, path: str) -> None:
    answer = admin.open(path, method=method, json={})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_what_people_write_may_have_lines_and_every_alphabet(admin: FlaskClient) -> None:
    answer = admin.post("/v1/keys", json={"application": "фото\tcafé\n☕"})
    assert answer.status_code == 201
    assert [key["application"] for key in admin.get("/v1/keys").get_json()["items"]][-1] == "фото\tcafé\n☕"


def test_json_that_is_nested_deeply_is_refused_and_not_a_failure(admin: FlaskClient) -> None:
    nested = '{"application": ' + "[" * 400 + "]" * 400 + "}"
    answer = admin.post("/v1/keys", data=nested, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
