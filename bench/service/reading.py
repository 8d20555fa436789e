"""Measures the processor time of `GET /v1/jobs/{id}` with status 200 and 304.

    python -m bench.service.reading [--requests 600] [--rounds 5] [--quick] [--database URL] [--json FILE]

One client with a persistent connection reads a queued job. Prints the median of the rounds with minimum and maximum.
"""

import argparse
import json
import statistics
import tempfile
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from bench.machine import describe_machine
from bench.service.submission import Server, serve
from emoscope.stack.demo_photos import encode_jpeg, load_portrait


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--database", default="", help="address of an empty database; SQLite in a temporary folder without"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    rounds, requests = (1, 50) if given.quick else (given.rounds, given.requests)
    with tempfile.TemporaryDirectory(prefix="emo-") as folder, serve(Path(folder), given.database) as (server, _):
        path, etag = submit(server)
        known = {HTTPStatus.OK: {}, HTTPStatus.NOT_MODIFIED: {"If-None-Match": etag}}
        times = {
            status: [read(server, path, headers, status, requests) for _ in range(rounds)]
            for status, headers in known.items()
        }
    rows = [
        {"answer": str(status.value), "cpu_ms": round(statistics.median(found), 2)}
        | {"spread_ms": [round(min(found), 2), round(max(found), 2)]}
        for status, found in times.items()
    ]
    print("| answer | processor time | least to greatest |\n| --- | --- | --- |")
    for status, found in times.items():
        print(f"| {status.value} | {statistics.median(found):.2f} ms | {min(found):.2f} to {max(found):.2f} ms |")
    if given.json:
        given.json.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")


def submit(server: Server) -> tuple[str, str]:
    """Create a job. Returns its path and its ETag."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "image/jpeg"}
    connection.request("POST", "/v1/jobs", encode_jpeg(load_portrait("astronaut").image), headers)
    answer = connection.getresponse()
    job = json.loads(answer.read())
    assert answer.status == HTTPStatus.ACCEPTED, job
    return f"/v1/jobs/{job['id']}", answer.headers["ETag"]


def read(server: Server, path: str, known: dict[str, str], status: HTTPStatus, requests: int) -> float:
    """Return milliseconds of the server's processor time per request."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.key}"} | known
    before = server.process.cpu_times()
    for _ in range(requests):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status, answer.status
    after = server.process.cpu_times()
    return 1000 * (after.user + after.system - before.user - before.system) / requests


if __name__ == "__main__":
    main()
