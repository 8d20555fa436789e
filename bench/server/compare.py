"""Compares HTTP servers: incomplete requests, truncated bodies, malformed chunks, `Expect`; throughput, p99, processor time and
memory.

`python -m bench.server.compare --out bench/results/http_servers.json`. Throughput is measured in rounds with each candidate
once, as the ratio to gthread in the same round, because other load slows both. Prints median and range.
"""

import argparse
import json
import os
import resource
import socket
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from bench.server import candidates

_HALVES = (
    b"",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-a: ",
    b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nx",
    b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\nAuthorization: Bearer key\r\n\r\nx",
)
_CLIENTS = 16
_PHOTO = b"\xff" * 150_000
_KEY = {"Authorization": "Bearer key"}


def exchange(port: int, request: bytes, timeout_s: float = 5, *, is_cut: bool = False) -> str:
    """Send bytes; return the status line of the response, or what happened instead."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        try:
            connection.sendall(request)
            if is_cut:
                connection.shutdown(socket.SHUT_WR)
            found = connection.recv(65536)
        except OSError as error:
            return type(error).__name__
    return found.split(b"\r\n")[0].decode("latin-1") or "closed"


def check_cases(port: int) -> dict[str, Any]:
    """Return how a candidate responds to each kind of input."""
    head = "POST /upload HTTP/1.1\r\nHost: x\r\n"
    cut = f"{head}Authorization: Bearer key\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 90_000
    found: dict[str, Any] = {"cut body": exchange(port, cut, is_cut=True)}
    found["partial bodies given to the application"] = read_counts(port)["partial"]
    for name, chunks in (("chunk 0x3", b"0x3\r\nabc\r\n0\r\n\r\n"), ("chunk without CRLF", b"3\r\nabcX0\r\n\r\n")):
        request = f"{head}Authorization: Bearer key\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks
        found[name] = exchange(port, request)
    for name, length in (("Expect, no key", 1000), ("Expect, 60 MB", 60_000_000)):
        key = "Authorization: Bearer key\r\n" if length > 1000 else ""
        found[name] = exchange(port, f"{head}{key}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n".encode())
    return found


def read_counts(port: int) -> dict[str, int]:
    """Return how many bodies the application got."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/counts")
    counts: dict[str, int] = json.loads(connection.getresponse().read())
    return counts


def hold_half_requests(port: int, process: psutil.Process, count: int) -> dict[str, Any]:
    """Hold incomplete requests open, call a health check and send a photo meanwhile, and measure when they are closed."""
    before_mb = candidates.measure_memory_mb(process)
    with ExitStack() as held:
        try:
            sockets = [held.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(count)]
            for number, connection in enumerate(sockets):
                connection.sendall(_HALVES[number % len(_HALVES)])
        except OSError as error:
            return {"opened": type(error).__name__}
        opened = time.monotonic()
        time.sleep(1)
        seconds = {
            name: time_request(port, method, body)
            for name, method, body in (("GET", "GET", b""), ("POST", "POST", _PHOTO))
        }
        more_mb = candidates.measure_memory_mb(process) - before_mb
        closed = [when for each in sockets if (when := wait_for_close(each, opened + 45)) is not None]
    return {
        "seconds": seconds,
        "memory_mb": round(more_mb, 1),
        "closed": len(closed),
        "last_closed_s": round(max(closed) - opened, 1) if closed else None,
    }


def time_request(port: int, method: str, body: bytes) -> float | None:
    """Return seconds until a response, or None after ten."""
    started = time.monotonic()
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, "/upload", body, _KEY)
        connection.getresponse().read()
    except OSError:
        return None
    return round(time.monotonic() - started, 3)


def wait_for_close(connection: socket.socket, end: float) -> float | None:
    """Return when the server closed the connection, or None."""
    try:
        while True:
            connection.settimeout(max(0.01, end - time.monotonic()))
            if not connection.recv(65536):
                return time.monotonic()
    except TimeoutError:
        return None
    except OSError:
        return time.monotonic()


def load(port: int, process: psutil.Process, method: str, body: bytes, seconds: float) -> dict[str, float]:
    """Return requests per second of some clients with persistent connections, p99, and the server's processor time per request."""
    times: list[float] = []
    end = time.monotonic() + seconds

    def send() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < end:
            started = time.perf_counter()
            connection.request(method, "/upload", body, _KEY)
            connection.getresponse().read()
            times.append(time.perf_counter() - started)

    cpu_s = candidates.measure_cpu_s(process)
    threads = [threading.Thread(target=send) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
    cpu_s = candidates.measure_cpu_s(process) - cpu_s
    p99 = statistics.quantiles(times, n=100)[98]
    return {"per_s": len(times) / seconds, "p99_ms": 1000 * p99, "cpu_ms": 1000 * cpu_s / len(times)}


def summarize(rounds: list[dict[str, dict[str, float]]], name: str) -> dict[str, Any]:
    """Return median and range of a candidate's values, and of their ratios to gthread's in the same round."""
    summary: dict[str, Any] = {}
    for measure in ("per_s", "p99_ms", "cpu_ms"):
        values = [each[name][measure] for each in rounds]
        ratios = [each[name][measure] / max(each["gunicorn gthread"][measure], 1e-3) for each in rounds]
        summary[measure] = round(statistics.median(values), 3)
        summary[f"{measure}_to_gthread"] = [
            round(each, 2) for each in (statistics.median(ratios), min(ratios), max(ratios))
        ]
    return summary


def main() -> None:
    """Compare the installed candidates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--half-requests", type=int, default=1000)
    parser.add_argument("--port", type=int, default=18500)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    found: dict[str, Any] = {}
    loads: dict[str, list[dict[str, dict[str, float]]]] = {"GET": [], "POST of 150 kB": []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TMPDIR": folder, "EMOSCOPE_DATA_DIR": folder}
        names = candidates.list_installed()
        for name in names:
            with candidates.run(name, given.port) as process:
                idle_mb = round(candidates.measure_memory_mb(process), 1)
                found[name] = {"idle_mb": idle_mb, "cases": check_cases(given.port)}
                found[name]["half requests"] = hold_half_requests(given.port, process, given.half_requests)
            print(name, json.dumps(found[name]), flush=True)
        for number in range(given.rounds):
            done: dict[str, dict[str, dict[str, float]]] = {kind: {} for kind in loads}
            for name in names:
                with candidates.run(name, given.port) as process:
                    load(given.port, process, "GET", b"", 0.5)  # warm-up
                    done["GET"][name] = load(given.port, process, "GET", b"", given.seconds)
                    done["POST of 150 kB"][name] = load(given.port, process, "POST", _PHOTO, given.seconds)
            for kind, rounds in loads.items():
                rounds.append(done[kind])
            print("round", number + 1, json.dumps(done), flush=True)
    for name in names:
        found[name] |= {kind: summarize(rounds, name) for kind, rounds in loads.items()}
    print(json.dumps(found, indent=2))
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
