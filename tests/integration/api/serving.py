"""The served API, for tests that speak raw HTTP."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


@dataclass
class Server:
    """A running API. log: where its lines go. key: of an application that may submit."""

    process: subprocess.Popen[str]
    host: str
    port: int
    log: Path
    key: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def connect(self, timeout_s: float = 20) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=timeout_s)

    def exchange(self, request: bytes, *, is_end: bool = False) -> bytes:
        """Send bytes, and read until the server closes or an answer with a length is whole. is_end: send nothing more."""
        with self.connect() as connection:
            connection.sendall(request)
            if is_end:
                connection.shutdown(socket.SHUT_WR)
            return read_answer(connection)


def read_answer(connection: socket.socket) -> bytes:
    """The next answer, whole."""
    found = b""
    while piece := connection.recv(65536):
        found += piece
        head, blank, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if blank and length is not None and len(body) >= int(length[1]):
            break
    return found


def make_request(
    method: str, path: str, headers: dict[str, str | int] | None = None, body: bytes = b"", *, key: str = ""
) -> bytes:
    """A request as bytes. Content-Length is as `headers` say; without them there is none."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def serve(folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Serve the API on a free port; `environment` names database, queue and all else."""
    counts, log = folder / "counts", folder / "log"
    counts.mkdir(parents=True)
    command = [sys.executable, "-m", "gunicorn", "-c", "python:api.core.gunicorn_config", "api.core.wsgi:app"]
    variables = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(counts),
        "EMOSCOPE_DATA_DIR": str(folder / "data"),
        "EMOSCOPE_PORT": "0",
        **environment,
    }
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=variables, stdout=output, stderr=output, text=True)
    try:
        yield _wait_until_listening(process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=40)
    assert status == 0, log.read_text()


def _wait_until_listening(process: subprocess.Popen[str], log: Path) -> Server:
    while process.poll() is None:
        if found := re.search(r"Listening at: http://(\S+):(\d+)", log.read_text()):
            server = Server(process, found[1], int(found[2]), log)
            with server.connect(timeout_s=60) as connection:  # answered when the application is loaded
                connection.sendall(make_request("GET", "/healthz"))
                assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
            return server
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(log.read_text())
