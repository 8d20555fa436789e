"""Measures 500 clients that wait for their results: time from the end of a job to its response, and requests per job.

    python -m bench.service.waiting [--quick] [--clients N] [--jobs N] [--json FILE]

Starts a one-machine stack in a temporary folder with the settings of `emoscope up`, except folder and port. Each client sends a
photo with `Prefer: wait=60`, polls with `?wait=60` until its job has ended, and sends the next. Ten clients share a key to stay
below the rate limit. Times are relative to `finished_at`, which the worker's transaction writes just before its commit.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from bench.machine import describe_machine
from db.accounts.api_keys import create_key, ensure_application
from db.core.session import Database
from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.embedded import Stack

_CLIENTS_A_KEY = 10
_WAIT_S = 60
_END = frozenset({"succeeded", "failed", "canceled"})


@dataclass
class Waits:
    """Measurements of the clients. delays_s: from the end of a job to its response. total_s: from its first request to then."""

    delays_s: list[float] = field(default_factory=list)
    total_s: list[float] = field(default_factory=list)
    requests: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    failed: int = 0

    def summarize(self, seconds: float) -> dict[str, object]:
        """Return the row of a table."""
        jobs = len(self.delays_s)
        return {
            "jobs": jobs,
            "failed": self.failed,
            "jobs_a_second": round(jobs / seconds, 1),
            "requests_a_job": round(self.requests / jobs, 2),
            "refused": self.refused,
            "answer_after_end_ms": {name: round(1000 * value, 1) for name, value in describe(self.delays_s).items()},
            "whole_ms": {name: round(1000 * value) for name, value in describe(self.total_s).items()},
        }


def describe(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99 and maximum."""
    ordered = sorted(values)
    percentiles = {f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (95, 99)}
    return {"p50": statistics.median(ordered), **percentiles, "max": ordered[-1]}


class Connection:
    """A client's connection with just enough HTTP/1.1 for this API, because httpx would take longer than the service."""

    def __init__(self, url: str, key: str) -> None:
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 80
        self._headers = {"Host": f"{self._host}:{self._port}", "Authorization": f"Bearer {key}"}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, line: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request. Returns status, headers by their names in lower case, and body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        sent = {**self._headers, **headers, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        writer.write(f"{line} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        found = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest if each)}
        content = await reader.readexactly(int(found.get("content-length", 0)))
        if found.get("connection", "").lower() == "close":
            self.close()
        return int(first.split()[1]), found, content

    def close(self) -> None:
        """Close it; the next request opens a new one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _analyze(connection: Connection, photo: bytes, waits: Waits) -> None:
    began = time.time()
    path = None
    while True:
        waits.requests += 1
        if path is None:
            headers = {"Content-Type": "image/jpeg", "Prefer": f"wait={_WAIT_S}"}
            status, found, body = await connection.request("POST /v1/jobs", headers, photo)
        else:
            status, found, body = await connection.request(f"GET {path}?wait={_WAIT_S}", {})
        arrived, answer = time.time(), json.loads(body)
        if status >= 400:
            waits.refused[answer["code"]] = waits.refused.get(answer["code"], 0) + 1
            await asyncio.sleep(float(found.get("retry-after", 1)))
            continue
        path = answer["url"]
        if answer["status"] in _END:
            break
    waits.delays_s.append(arrived - datetime.fromisoformat(answer["finished_at"]).timestamp())
    waits.total_s.append(arrived - began)
    waits.failed += answer["status"] != "succeeded"


async def wait_all(url: str, keys: Sequence[str], clients: int, jobs: int, photo: bytes) -> Waits:
    """Let each client analyse `jobs` photos one after another, all clients at the same time."""
    waits = Waits()

    async def work(number: int) -> None:
        connection = Connection(url, keys[number % len(keys)])
        for _ in range(jobs):
            await _analyze(connection, photo, waits)
        connection.close()

    await asyncio.gather(*map(work, range(clients)))
    return waits


def make_keys(database: Database, count: int) -> list[str]:
    """Create keys for this many applications."""
    with database.write() as session:
        return [create_key(session, ensure_application(session, f"bench-{number}")) for number in range(count)]


def main() -> None:
    """Run, and print the row as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=4, help="of each client")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same")
    given = parser.parse_args()
    clients, jobs = (20, 1) if given.quick else (given.clients, given.jobs)
    with tempfile.TemporaryDirectory(prefix="emo-") as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), port=find_free_port("127.0.0.1"))
        with Stack(settings, lambda _step: None) as stack:
            assert stack.client is not None
            database = Database(stack.settings.effective_database_url)
            keys = make_keys(database, -(-clients // _CLIENTS_A_KEY))
            database.close()
            began = time.monotonic()
            waits = asyncio.run(wait_all(stack.client.api_url, keys, clients, jobs, portrait_photo("astronaut").data))
            row = {"clients": clients, **waits.summarize(time.monotonic() - began)}
    print(json.dumps(row, indent=1))
    if given.json:
        given.json.write_text(json.dumps({"machine": describe_machine(), **row}, indent=1) + "\n")


if __name__ == "__main__":
    main()
