"""The application as a whole: what it imports, what every answer carries, what happens when something breaks."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask import request
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from api.core.app import create_app
from api.core.services import Services
from emoscope.settings import Settings

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HEAVY = ("tensorflow", "keras", "cv2", "dlib", "face_recognition", "numpy", "ai_edge_litert", "mtcnn", "pandas")


def test_the_api_imports_nothing_that_works_on_pixels() -> None:
    """In a fresh process, since this one has imported them for other tests."""
    code = f"import sys, api.core.app; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@only_sqlite
def test_every_answer_carries_a_request_id_and_careful_headers(app: APIFlask) -> None:
    for path in ("/healthz", "/nothing", "/v1/jobs", "/docs"):
        response = app.test_client().get(path)
        assert len(response.headers["X-Request-ID"]) == 32
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]


@only_sqlite
@pytest.mark.parametrize(("given", "is_kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 65, False), ("", False)])
def test_a_request_id_from_outside_is_kept_if_it_is_harmless(app: APIFlask, given: str, is_kept: object) -> None:
    response = app.test_client().get("/nothing", headers={"X-Request-ID": given})
    assert (response.headers["X-Request-ID"] == given) is is_kept
    assert response.get_json()["request_id"] == response.headers["X-Request-ID"]


@only_sqlite
def test_an_unknown_address_and_a_wrong_method_are_problems(app: APIFlask) -> None:
    unknown = app.test_client().get("/v1/nothing")
    assert unknown.mimetype == "application/problem+json"
    assert unknown.get_json() == {
        "type": "/docs/errors#not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "there is nothing at /v1/nothing",
        "request_id": unknown.headers["X-Request-ID"],
    }
    wrong = app.test_client().put("/v1/jobs")
    assert (wrong.status_code, wrong.get_json()["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@only_sqlite
def test_an_unexpected_error_is_logged_and_not_shown(app: APIFlask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the secret of /home/me")

    with capture_logs() as logs:
        response = app.test_client().get("/broken", headers={"X-Request-ID": "find-me"})
    assert (response.status_code, response.get_json()["code"]) == (500, "internal_error")
    assert response.get_json()["request_id"] == "find-me"
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    [line] = [line for line in logs if line["event"] == "unexpected_error"]
    assert str(line["exc_info"]) == "the secret of /home/me"


@only_sqlite
def test_a_database_that_is_away_is_unavailable_and_not_a_mistake_of_ours(
    app: APIFlask, client: FlaskClient, services: Services, settings: Settings
) -> None:
    response = (
        create_app(settings.model_copy(update={"database_url": "sqlite:////nowhere/at/all.db"}))
        .test_client()
        .get("/v1/jobs", headers={"Authorization": "Bearer emo_x"})
    )
    assert (response.status_code, response.get_json()["code"]) == (503, "database_unavailable")
    assert response.headers["Retry-After"] == "5"
    assert "nowhere" not in response.text


@only_sqlite
@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.9")])
def test_forwarded_headers_count_only_behind_trusted_proxies(
    settings: Settings, services: Services, proxies: int, seen: str
) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": proxies}), services)

    @app.get("/who")
    def who() -> str:
        return str(request.remote_addr)

    response = app.test_client().get("/who", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
    assert response.text == seen
    assert ("Strict-Transport-Security" in response.headers) is bool(proxies)


@only_sqlite
def test_behind_a_proxy_with_a_prefix_addresses_begin_with_it(open_app: Callable[..., APIFlask]) -> None:
    headers = {"X-Forwarded-Prefix": "/emo", "X-Forwarded-Host": "h.example", "X-Forwarded-Proto": "https"}
    client = open_app(trusted_proxies=1).test_client()
    assert client.get("/v1/nothing", headers=headers).get_json()["type"] == "/emo/docs/errors#not_found"
    assert "curl https://h.example/emo/v1/jobs" in client.get("/docs", headers=headers).text
    assert client.get("/openapi.json", headers=headers).get_json()["servers"] == [{"url": "/emo"}]
    assert "servers" not in client.get("/openapi.json").get_json()  # by another way
