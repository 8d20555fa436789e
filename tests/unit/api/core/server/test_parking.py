"""Requests that wait without a thread, through the bridge, with a small application that waits."""

import asyncio
import weakref
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

import pytest

from api.core.server.bridge import Bridge, BridgeLimits
from api.core.server.parking import Parked, Wakeup, current_parking

MANY = 20
LONG_S = 20.0


class WaitingApp:
    """Answers `/quick` at once, and anything else when it is woken: how often it ran, and whether in time."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        self.wakeups: list[Wakeup] = []
        self.forgotten = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        parking = current_parking.get()
        assert parking is not None
        if environ["PATH_INFO"] != "/quick" and parking.wakeup is None:
            assert environ["wsgi.input"].read() == b"photo"
            parking.wakeup, parking.forget = Wakeup(), self._forget
            self.wakeups.append(parking.wakeup)
            raise Parked(parking.wakeup, monotonic() + self.wait_s)
        start_response("200 OK", [])
        is_late = parking.wakeup is not None and parking.wakeup.is_over
        return [b"late" if is_late else b"in time"]

    def _forget(self) -> None:
        self.forgotten += 1


async def ask(bridge: Bridge, path: str) -> bytes:
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
        "http_version": "1.1", "headers": [(b"host", b"x"), (b"content-length", b"5")], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "root_path": "",
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"photo", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await bridge(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent)


def test_requests_that_wait_hold_no_thread() -> None:
    app = WaitingApp(LONG_S)
    bridge = Bridge(app, BridgeLimits(threads=1))

    async def run() -> list[bytes]:
        waiting = [asyncio.create_task(ask(bridge, "/wait")) for _ in range(MANY)]
        while len(app.wakeups) < MANY:
            assert await ask(bridge, "/quick") == b"in time"
        for wakeup in app.wakeups:
            wakeup.notify()
        return await asyncio.gather(*waiting)

    assert asyncio.run(run()) == [b"in time"] * MANY
    assert app.forgotten == MANY
    bridge.close()


@pytest.mark.parametrize(("wait_s", "expected"), [(0.05, b"late"), (LONG_S, b"in time")])
def test_a_wait_ends_with_its_time_or_with_a_change_that_came_before_it(wait_s: float, expected: bytes) -> None:
    app = WaitingApp(wait_s)
    bridge = Bridge(app, BridgeLimits(threads=1))
    if expected == b"in time":
        app.wakeups = _NotifyAtOnce()
    assert asyncio.run(ask(bridge, "/wait")) == expected
    bridge.close()


class _NotifyAtOnce(list[Wakeup]):
    def append(self, wakeup: Wakeup) -> None:
        wakeup.notify()
        super().append(wakeup)


class Row:
    """Something that a view has at hand."""


def test_a_request_that_waits_keeps_nothing_that_its_run_had_at_hand() -> None:
    rows: list[weakref.ref[Row]] = []

    async def run() -> bytes:
        loop, is_gone = asyncio.get_running_loop(), asyncio.Event()

        class ReadingApp(WaitingApp):
            def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
                row = Row()
                rows.append(weakref.ref(row, lambda _: loop.call_soon_threadsafe(is_gone.set)))
                return super().__call__(environ, start_response)

        app = ReadingApp(LONG_S)
        bridge = Bridge(app, BridgeLimits(threads=1))
        waiting = asyncio.create_task(ask(bridge, "/"))
        await asyncio.wait_for(is_gone.wait(), 5)
        app.wakeups[0].notify()
        found = await waiting
        bridge.close()
        return found

    assert asyncio.run(run()) == b"in time"
