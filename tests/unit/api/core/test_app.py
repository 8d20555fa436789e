"""The application as a whole: its imports, common headers, and errors."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask import request

from api.core.app import create_app
from api.core.services import Services
from emoscope.settings import Settings
from tests.support.databases import only_sqlite

HEAVY = ("tensorflow", "keras", "cv2", "dlib", "face_recognition", "numpy", "ai_edge_litert", "mtcnn", "pandas")


def test_the_api_imports_nothing_that_works_on_pixels() -> None:
    """In a fresh process, since this one has imported them for other tests."""
    code = f"import sys, api.core.app; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


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
