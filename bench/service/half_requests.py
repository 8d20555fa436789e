"""Measures a running stack while incomplete requests and slow bodies are held open, without a key.

    python -m bench.service.half_requests [--count 1000] [--seconds 20]

A quarter of the connections send nothing, a quarter stop within their headers, the others send one byte of a body per second.
Closed connections reconnect. Meanwhile it calls `/healthz` and submits photos. Prints a JSON object with the seconds of each.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bench.machine import describe_machine
from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from emoscope.stack.demo_photos import load_demo_photos
from emoscope.stack.embedded import Stack

_HALVES = (
    b"",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-a: ",
    b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nx",
    b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nx",
)
_DRIP_S = 1.0
_TIMEOUT_S = 30


class Holders:
    """Connections with requests that are never completed, in a thread of their own."""

    def __init__(self, port: int, count: int) -> None:
        self.open = 0
        self.closed = 0
        self._port, self._count = port, count
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Open all of them."""
        self._thread.start()
        for number in range(self._count):
            asyncio.run_coroutine_threadsafe(self._hold(_HALVES[number % len(_HALVES)]), self._loop)
        while self.open < self._count:
            time.sleep(0.05)

    async def _hold(self, start: bytes) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self.open += 1
                try:
                    await self._drip(reader, writer, start)
                finally:
                    self.open -= 1
                    self.closed += 1
                    writer.close()
            await asyncio.sleep(_DRIP_S)

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes) -> None:
        writer.write(start)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRIP_S):
                    if not await reader.read(65536):
                        return
            if start.startswith(b"POST"):
                writer.write(b"x")
                await writer.drain()


def measure(ask: Callable[[], httpx.Response], wanted: int, end: float) -> list[float]:
    """Return seconds of each request, one after another."""
    seconds = []
    while time.monotonic() < end:
        started = time.monotonic()
        answer = ask()
        answer.read()
        assert answer.status_code == wanted, answer.text
        seconds.append(time.monotonic() - started)
        time.sleep(0.1)
    return seconds


def summarize(seconds: list[float]) -> dict[str, float]:
    """Return median, maximum, and number."""
    return {
        "p50_s": round(statistics.median(seconds), 3),
        "longest_s": round(max(seconds), 3),
        "requests": len(seconds),
    }


def ask_both(url: str, key: str, photo: bytes, seconds: float) -> dict[str, dict[str, float]]:
    """Call `/healthz` and submit photos at the same time, on separate connections."""
    found: dict[str, dict[str, float]] = {}
    end = time.monotonic() + seconds
    headers = {"Authorization": f"Bearer {key}"}
    calls: dict[str, tuple[Callable[[], httpx.Response], int]] = {
        "healthz": (lambda: httpx.get(f"{url}/healthz", timeout=_TIMEOUT_S), 200),
        "submission": (
            lambda: httpx.post(f"{url}/v1/jobs", content=photo, headers=headers, timeout=_TIMEOUT_S),
            202,
        ),
    }

    def run(name: str, ask: Callable[[], httpx.Response], wanted: int) -> None:
        found[name] = summarize(measure(ask, wanted, end))

    threads = [threading.Thread(target=run, args=(name, *call)) for name, call in calls.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--quick", action="store_true", help="100 connections, 5 seconds")
    asked = parser.parse_args()
    count, seconds = (100, 5.0) if asked.quick else (asked.count, asked.seconds)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    photo = load_demo_photos()[0].data
    result: dict[str, Any] = {"half_requests": count, "seconds": seconds}
    with tempfile.TemporaryDirectory() as folder:
        port = find_free_port("127.0.0.1")
        settings = Settings(_env_file=None, data_dir=Path(folder), port=port, rate_limit="")
        with Stack(settings, lambda _step: None) as stack:
            assert stack.client is not None
            url, key = stack.client.api_url, stack.client.api_key
            result["without"] = ask_both(url, key, photo, seconds)
            holders = Holders(port, count)
            holders.start()
            result["with"] = ask_both(url, key, photo, seconds)
            result |= {"held_at_the_end": holders.open, "closed_by_the_server": holders.closed}
    print(json.dumps(result | {"machine": describe_machine()}, indent=2))


if __name__ == "__main__":
    main()
