import asyncio
import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from db.vocabulary import Emotion, JobStatus
from emoscope.client import AsyncClient, Client
from emoscope.client_calls import Retries
from emoscope.client_errors import ApiError, NoAddress, ServiceUnreachable, WaitTimeout
from emoscope.local_client import LocalClient, write_local_client

QUICK = Retries(tries=4, first_pause_s=0.01)


class ScriptedApi:
    """A real HTTP server that gives the answers it was told, in order, and remembers what it was asked.

    An answer of None closes the connection without one.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Any] | None] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.requests.append((f"{self.command} {self.path}", dict(self.headers), body))
                answer = api.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, content = answer
                raw = json.dumps(content).encode()
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(raw))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    yield server
    server.close()


def make_job(status: str, faces: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "status": status,
        "created_at": "2026-03-01T12:00:00Z",
        "photo": {"width": 4, "height": 3, "filename": "a.jpg"},
        "faces": faces or [],
        "error": None,
    }


def make_face() -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "bounding_box": {"x": 1, "y": 2, "width": 3, "height": 4},
        "detector": "hog",
        "detection_score": 0.9,
        "emotion": "happy",
        "confidence": 0.7,
        "margin": 0.4,
        "uncertain": False,
        "probabilities": dict.fromkeys(Emotion, 0.05) | {"happy": 0.7},
        "model_version": 3,
        "crop_url": "/",
    }


def test_analyze_submits_and_waits_until_the_job_has_ended(api: ScriptedApi) -> None:
    api.answers = [
        (202, {}, make_job("queued")),
        (200, {}, make_job("running")),
        (200, {}, make_job("succeeded", [make_face()])),
    ]
    with Client(api.url, "key") as client:
        job = client.analyze(b"photo")
    assert job.status is JobStatus.SUCCEEDED
    assert (job.faces[0].emotion, job.faces[0].model_version) == (Emotion.HAPPY, 3)
    first, second, _ = (request[0] for request in api.requests)
    assert first == "POST /v1/jobs"
    assert "?wait=" in second
    assert api.requests[0][1]["Authorization"] == "Bearer key"
    assert api.requests[0][1]["Prefer"].startswith("wait=")


def test_a_submission_tried_again_carries_the_same_idempotency_key(api: ScriptedApi) -> None:
    api.answers = [None, (503, {}, {}), (429, {"Retry-After": "0"}, {}), (202, {}, make_job("queued"))]
    with Client(api.url, "key", retries=QUICK) as client:
        client.submit(b"photo")
    keys = {request[1]["Idempotency-Key"] for request in api.requests}
    assert (len(api.requests), len(keys)) == (4, 1)


def test_two_submissions_carry_different_keys(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued")), (202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.submit(b"photo")
        client.submit(b"photo")
    assert len({request[1]["Idempotency-Key"] for request in api.requests}) == 2


def test_a_refusal_is_raised_with_its_code_and_not_tried_again(api: ScriptedApi) -> None:
    api.answers = [(415, {}, {"code": "not_a_picture", "detail": "this is a text"})]
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ApiError, match="this is a text") as caught:
        client.submit(b"text")
    assert (caught.value.code, caught.value.status, len(api.requests)) == ("not_a_picture", 415, 1)


def test_an_api_that_is_away_is_given_up_after_the_last_try(api: ScriptedApi) -> None:
    api.answers = [None] * QUICK.tries
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ServiceUnreachable, match="doesn't answer"):
        client.get(uuid4())
    assert len(api.requests) == QUICK.tries


def test_waiting_ends_when_the_time_is_up(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client, pytest.raises(WaitTimeout):
        client.wait(client.submit(b"photo"), timeout_s=0)


def test_options_travel_and_those_not_given_do_not(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.submit(b"photo", detector="hog", photo_retention_s=0, min_face_px=None)
    assert api.requests[0][0] == "POST /v1/jobs?detector=hog&photo_retention_s=0"


@pytest.mark.parametrize("kind", ["bytes", "path", "file"])
def test_photos_are_taken_as_bytes_paths_and_files(api: ScriptedApi, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "team.jpg"
    path.write_bytes(b"the bytes")
    photo = {"bytes": b"the bytes", "path": path, "file": io.BytesIO(b"the bytes")}[kind]
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.submit(photo)  # type: ignore[arg-type]
    assert b"the bytes" in api.requests[0][2]


def test_listing_follows_the_pages(api: ScriptedApi) -> None:
    api.answers = [
        (200, {}, {"items": [make_job("queued")], "next": "/v1/jobs?status=queued&cursor=x"}),
        (200, {}, {"items": [make_job("queued")], "next": None}),
    ]
    with Client(api.url, "key") as client:
        assert len(list(client.list_jobs(status="queued"))) == 2
    assert [request[0] for request in api.requests] == [
        "GET /v1/jobs?status=queued",
        "GET /v1/jobs?status=queued&cursor=x",
    ]


def test_the_async_client_does_the_same(api: ScriptedApi) -> None:
    api.answers = [(503, {}, {}), (202, {}, make_job("queued")), (200, {}, make_job("succeeded", [make_face()]))]

    async def analyze() -> JobStatus:
        async with AsyncClient(api.url, "key", retries=QUICK) as client:
            return (await client.analyze(b"photo")).status

    # In a thread of its own: where browser tests ran before in this process, Playwright keeps a loop running in the main one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(analyze())).result() is JobStatus.SUCCEEDED


def test_both_clients_offer_the_same_methods() -> None:
    def list_methods(client: type) -> set[str]:
        return {name for name in vars(client) if not name.startswith("_")}

    assert list_methods(Client) == list_methods(AsyncClient)


def test_the_stack_on_this_machine_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path))
    fresh_settings()
    with pytest.raises(NoAddress, match="emoscope up"):
        Client()
    write_local_client(tmp_path, LocalClient(api.url, "local key"))
    assert (tmp_path / "client.json").stat().st_mode & 0o777 == 0o600
    api.answers = [(200, {}, make_job("queued"))]
    with Client() as client:
        client.get(uuid4())
    assert api.requests[0][1]["Authorization"] == "Bearer local key"
