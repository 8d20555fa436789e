"""Control characters are refused before they reach the database, wherever a request contains them."""

import io
import json
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from db.core.session import Database
from db.model_versions import actions as model_versions
from tests.support.factories.model_versions import make_manifest

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


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/v1/keys/%00"), ("PATCH", "/v1/users/a%00"), ("GET", "/%1b"), ("GET", "/%0aX")]
)
def test_there_is_nothing_at_an_address_with_control_characters(admin: FlaskClient, method: str, path: str) -> None:
    answer = admin.open(path, method=method, json={})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_what_people_write_may_have_lines_and_every_alphabet(admin: FlaskClient, database: Database) -> None:
    with database.write() as session:
        model_versions.add_version(session, "first", "d" * 64, make_manifest())
    answer = admin.post("/v1/promotions", json={"model_version": 1, "reason": "фото\tcafé\n☕"})
    assert answer.status_code == 201
    assert admin.get("/v1/promotions").get_json()["items"][0]["reason"] == "фото\tcafé\n☕"


def test_json_that_is_nested_too_deeply_to_be_read_is_a_bad_request(admin: FlaskClient) -> None:
    for path in ("/v1/keys", "/v1/promotions", "/v1/reviews/next"):
        answer = admin.post(path, data="[" * 100_000, content_type="application/json")
        assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request"), path


class EndlessText:
    """A body that never ends."""

    taken = 0

    def readinto(self, buffer: memoryview) -> int:
        buffer[:] = b" " * len(buffer)
        self.taken += len(buffer)
        return len(buffer)

    def read(self, size: int) -> bytes:
        return b""


@pytest.mark.parametrize("length", [{"Content-Length": "300000000"}, {"Transfer-Encoding": "chunked"}])
def test_json_without_end_is_too_large_and_not_kept(admin: FlaskClient, length: dict[str, str]) -> None:
    body = EndlessText()
    overrides = {"wsgi.input": body, "wsgi.input_terminated": True}
    answer = admin.post("/v1/promotions", headers=length, content_type="application/json", environ_overrides=overrides)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")
    assert answer.get_json()["detail"] == "the body may have at most 1,000,000 bytes"
    assert body.taken <= 1_000_000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/promotions"),
        ("POST", "/v1/promotions/rollback"),
        ("PUT", "/v1/model-versions/challenger"),
        ("POST", "/v1/training-runs"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/users"),
        ("PATCH", "/v1/users/ana"),
        ("POST", "/v1/reviews/votes"),
        ("GET", "/v1/model-versions/1/compare/2?limit=x"),
    ],
)
def test_without_the_scope_nothing_is_said_of_the_body(client: FlaskClient, method: str, path: str) -> None:
    for body in (b"{", b"{}", b"[" * 100_000):
        answer = client.open(path, method=method, data=body, content_type="application/json")
        assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")


def test_json_that_is_nested_deeply_is_refused_and_not_a_failure(admin: FlaskClient) -> None:
    nested = '{"application": ' + "[" * 400 + "]" * 400 + "}"
    answer = admin.post("/v1/keys", data=nested, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("bytes_of_text", ["%ff", "a%ED%A0%80", "%c3", "%EF%BF%BD"])
def test_a_query_that_is_not_utf_8_is_refused(admin: FlaskClient, bytes_of_text: str) -> None:
    for path in ("/v1/jobs?error_code=", "/v1/changes?actor=", "/v1/keys/usage?key="):
        answer = admin.get(path + bytes_of_text)
        assert (answer.status_code, answer.get_json()["errors"][0]["reason"]) == (422, "is not UTF-8"), path


def test_a_form_field_that_is_not_utf_8_is_refused(client: FlaskClient, photo: bytes) -> None:
    name = b'--B\r\nContent-Disposition: form-data; name="'
    body = name + b'detector"\r\n\r\nblaze\xff\r\n' + name + b'image"; filename="a"\r\n\r\n' + photo + b"\r\n--B--\r\n"
    answer = client.post("/v1/jobs", data=body, content_type="multipart/form-data; boundary=B")
    assert (answer.status_code, answer.get_json()["errors"][0]["reason"]) == (422, "is not UTF-8")


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/model-versions", "/v1/dashboard", "/v1/reviews/release"])
def test_a_query_is_refused_where_nobody_reads_it(admin: FlaskClient, path: str) -> None:
    answer = admin.open(path + "?limit=5", method="POST" if path.endswith("release") else "GET")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
    assert answer.get_json()["errors"][0]["field"] == "limit"


@pytest.mark.parametrize("host", ["a b", "<script>", "a@b", "[::1", "a:b", "a:123456", "a/b", "a,b", "\xe9.example"])
def test_a_host_that_is_none_is_refused(admin: FlaskClient, host: str) -> None:
    answer = admin.get("/docs", headers={"Host": host})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("host", ["a_b-c.example.", "127.0.0.1:8000", "[::1]:8000", "[fe80::1]", "EXAMPLE", "a:"])
def test_a_host_may_be_a_name_or_an_address(admin: FlaskClient, host: str) -> None:
    assert admin.get("/docs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
def test_a_packed_body_is_not_taken_for_a_photo(client: FlaskClient, photo: bytes, coding: str) -> None:
    answer = client.post("/v1/jobs", data=photo, headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")
    assert "content coding" in answer.get_json()["detail"]
    assert client.post("/v1/jobs", data=photo, headers={"Content-Encoding": "identity"}).status_code == 202
