"""Shutdown of the API: waiting requests are answered at once, running ones finish, and the process ends."""

import io
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from db.core.session import Database
from tests.integration.api.serving import Server, make_request, read_answer, serve
from tests.support.factories.accounts import add_key
from tests.support.valkey import Valkey

WAITING = 5


@pytest.fixture
def server(tmp_path: Path, database_urls: Callable[[str], str], valkey_server: Valkey) -> Iterator[Server]:
    database = Database(database_urls("sqlite"))
    key = add_key(database, "stopping")
    environment = {
        "EMOSCOPE_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "EMOSCOPE_REDIS_URL": valkey_server.redis_url,
        "EMOSCOPE_BLOB_URL": str(tmp_path / "blobs"),
        "EMOSCOPE_RATE_LIMIT": "",
    }
    database.close()
    with serve(tmp_path / "api", environment) as started:
        started.key = key
        yield started


def test_a_shutdown_answers_waiting_requests(server: Server) -> None:
    made = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(made, "JPEG")
    photo = made.getvalue()
    headers: dict[str, str | int] = {"Content-Length": len(photo), "Prefer": "wait=60"}
    submission = make_request("POST", "/v1/jobs", headers, photo, key=server.key)
    with ExitStack() as held:
        waiting = [held.enter_context(server.connect()) for _ in range(WAITING)]
        for connection in waiting:
            connection.sendall(submission)
        upload = held.enter_context(server.connect())
        upload.sendall(make_request("POST", "/v1/jobs", {**headers, "Expect": "100-continue"}, key=server.key))
        assert upload.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for _ in range(50):
            held.enter_context(server.connect()).sendall(b"GET / HTTP/1.1\r\nX-a: ")
        wait_until_all_wait(server)

        server.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert [read_answer(connection).split(b" ")[1] for connection in waiting] == [b"202"] * WAITING
        answered_s = time.monotonic() - started
        upload.sendall(photo)  # one that was begun is not lost
        assert read_answer(upload).split(b" ")[1] == b"202"
        with pytest.raises(OSError, match=r"refused|reset"):
            socket.create_connection((server.host, server.port), timeout=5).close()
    assert server.process.wait(20) == 0
    assert answered_s < 5, "a busy machine may take seconds, a wait would take 60"
    assert "Traceback" not in server.log.read_text()


def wait_until_all_wait(server: Server) -> None:
    """Return when all submissions were taken: each is a job then, and its request waits."""
    request = make_request("GET", "/v1/jobs?limit=50", key=server.key)
    end = time.monotonic() + 30
    while server.exchange(request).count(b'"status":"queued"') < WAITING:
        assert time.monotonic() < end
        time.sleep(0.05)
