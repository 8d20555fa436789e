"""An ASGI application that runs a WSGI application. A request takes a thread only when it is complete.

If the body is large, slow, or held back by `Expect: 100-continue`, the application first runs with the headers alone and answers if
it can. The body is read only if the application asks for it. See docs/decisions/0306-whole-requests-before-a-thread.md.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import structlog

from api.core.server.answers import Answer, BodyNeeded, MissingBody, WsgiApp
from api.core.server.bodies import Body, BodyBudget, NoRoomForBody
from api.core.server.environ import Scope, add_body, find_header, make_environ
from api.core.server.hangup import Hangup, current_hangup
from api.core.server.parking import Parked, Parking, current_parking
from api.core.server.refusals import Refusal
from api.core.server.threads import Threads

log = structlog.get_logger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

HANGUP = "emoscope.hangup"
"""Key of the ASGI scope under which the server may put the request's Hangup."""

MEMO = "emoscope.memo"
"""Key of the WSGI environ under which the application keeps results of the headers for its second run."""

_UNCHECKED_BYTES = 1_000_000
_SLOW_UNCHECKED_BYTES = 64_000
_SLOW_S = 0.5
"""Body bytes read before the headers are checked: for most bodies, and for bodies that take longer than _SLOW_S. Most requests are
complete by then, so the application runs once. A thousand clients that send a byte each cost nothing.
"""

_CHECK_THREADS = 2
"""Threads that check the headers of large and slow bodies, so that a thousand of those leave threads for other requests."""

_DISCARDED_BYTES = {401: 4_000_000}
_MAX_DISCARDED_BYTES = 32_000_000
_DISCARD_S = 2.0
"""Bytes of a refused body that are read and discarded.

If the server closed the connection while the client still sends, the client would get a reset instead of the answer. For a
client without a key this covers a typical photo.
"""

_HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_HEALTH_THREADS = 2


@dataclass(frozen=True)
class BridgeLimits:
    """body_timeout_s: time for a body to arrive, plus one second per `min_body_rate` bytes received. thread_timeout_s: how long a
    complete request waits for a thread. max_body_bytes: limit of a body for which the application sets none. max_held_bytes:
    limit of all bodies of the process.
    """

    threads: int
    body_timeout_s: float = 30
    min_body_rate: int = 10_000
    thread_timeout_s: float = 30
    max_body_bytes: int = 500_000_000
    max_held_bytes: int = 2_000_000_000


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Bridge:
    """The ASGI application."""

    def __init__(self, app: WsgiApp, limits: BridgeLimits) -> None:
        self._app = app
        self._limits = limits
        self._budget = BodyBudget(limits.max_held_bytes)
        self._writers = ThreadPoolExecutor(2, thread_name_prefix="body")
        self._threads = Threads(limits.threads, limits.thread_timeout_s, "request")
        self._health_threads = Threads(_HEALTH_THREADS, limits.thread_timeout_s, "health")
        self.check_threads = Threads(_CHECK_THREADS, limits.thread_timeout_s, "check")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Called by Gunicorn for each ASGI scope."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close"})
            return
        exchange = _Exchange(self, scope, receive, send)
        try:
            await exchange.serve()
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except ClientGone:
            if not exchange.hangup.is_refused:
                log.info(
                    "request_cut_off", method=scope["method"], path=scope["path"], received=exchange.body.byte_count
                )
        finally:
            exchange.body.close()
            exchange.parking.close()

    def close(self) -> None:
        """Accept no more requests."""
        self._threads.close()
        self._health_threads.close()
        self.check_threads.close()
        self._writers.shutdown(wait=False)

    def make_body(self) -> Body:
        """Create an empty body."""
        return Body(self._budget, self._writers)

    def find_threads(self, path: str) -> Threads:
        """Return the threads that serve a path. Health checks have their own, so that they are answered under any load."""
        return self._health_threads if path in _HEALTH_PATHS else self._threads

    @property
    def app(self) -> WsgiApp:
        """The WSGI application."""
        return self._app

    @property
    def limits(self) -> BridgeLimits:
        """The limits of every request."""
        return self._limits


class _Exchange:
    """One request and its answer."""

    def __init__(self, bridge: Bridge, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = bridge.make_body()
        self._bridge = bridge
        self._limits = bridge.limits
        self._threads = bridge.find_threads(scope["path"])
        self._environ = make_environ(scope)
        self._environ[MEMO] = {}
        self._receive = receive
        self._send = send
        self._context = contextvars.copy_context()
        self.hangup: Hangup = scope.get(HANGUP) or Hangup()
        self._context.run(current_hangup.set, self.hangup)
        self.parking = Parking()
        self.parking.may_run_again = scope["method"] in {"GET", "HEAD"}
        self._context.run(current_parking.set, self.parking)
        length = find_header(scope, b"content-length")
        self._length = int(length) if length is not None else None
        self._is_chunked = find_header(scope, b"transfer-encoding") is not None
        self._is_body_held_back = (find_header(scope, b"expect") or b"").lower() == b"100-continue"
        self._note_more(is_more=bool(self._length or self._is_chunked))

    async def serve(self) -> None:
        """Read the request and answer it. Raises Refusal, ClientGone."""
        answer = await self._read_body()
        if answer is None:
            add_body(self._environ, self.body.open(), self.body.byte_count)
            self.parking.may_park = True
            found = await self._run(self._environ)
            self.body.close()
            while isinstance(found, Parked):
                await self._wait(found)
                add_body(self._environ, BytesIO(), 0)  # the body was read by the first run
                found = await self._run(self._environ, is_urgent=True)  # urgent: its result is ready, new work can wait
            assert isinstance(found, Answer)  # the body is there, so BodyNeeded isn't raised
            answer = found
        await self._send_answer(answer)

    async def _wait(self, parked: Parked) -> None:
        """Wait without a thread until something changes, the deadline passes or the client hangs up."""
        with self.hangup.listen(parked.wakeup.notify):
            await parked.wakeup.wait_parked(parked.deadline)

    async def refuse(self, refusal: Refusal) -> None:
        """Send the refusal in place of the application's answer."""
        status, headers, content = refusal.make_answer()
        self._announce_close(headers)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": content})
        await self._discard_rest(status)

    async def _read_body(self) -> Answer | None:
        """Read the body. Returns None, or the application's answer to the headers alone."""
        now = asyncio.get_running_loop().time
        started, max_bytes = now(), self._limits.max_body_bytes
        is_checked = False
        while not self._is_whole:
            if not is_checked and (self._is_body_held_back or self._is_large(now() - started)):
                found = await self._check_headers()
                if isinstance(found, Answer):
                    return found
                is_checked, max_bytes = True, found.max_bytes or max_bytes
            ends = started + self._limits.body_timeout_s + self.body.byte_count / self._limits.min_body_rate
            try:
                async with asyncio.timeout(max(0.0, ends - now())):
                    message = await self._receive()
            except TimeoutError:
                detail = f"the body arrived too slowly: {self.body.byte_count:,} bytes in {now() - started:.0f} s"
                raise Refusal("request_timeout", detail) from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            await self._keep(message.get("body", b""))
            self._note_more(is_more=message.get("more_body", False))
            if self.body.byte_count > max_bytes:
                return None  # the application refuses the length with its own error
        return None

    def _is_large(self, waited_s: float) -> bool:
        return self.body.byte_count > (_UNCHECKED_BYTES if waited_s < _SLOW_S else _SLOW_UNCHECKED_BYTES)

    async def _check_headers(self) -> Answer | BodyNeeded:
        environ = {**self._environ, "wsgi.input": MissingBody()}
        # A client that sent `Expect` has sent its whole request so far, so it gets a normal thread.
        threads = self._threads if self._is_body_held_back else self._bridge.check_threads
        found = await threads.run(self._context, partial(_call, self._bridge.app, environ))
        self.hangup.is_admitted = True
        assert not isinstance(found, Parked)  # requests without a body can't park
        return found

    def _note_more(self, *, is_more: bool) -> None:
        self._is_whole = not is_more
        self.hangup.is_admitted = self.hangup.is_admitted or self._is_whole

    async def _keep(self, data: bytes) -> None:
        try:
            await self.body.write(data)
        except NoRoomForBody:
            detail = "the service has no room for more uploads at the moment; try again in a few seconds"
            raise Refusal("server_busy", detail) from None

    async def _run(self, environ: dict[str, Any], *, is_urgent: bool = False) -> Answer | BodyNeeded | Parked:
        call = partial(_call, self._bridge.app, environ)
        return await self._threads.run(self._context, call, is_urgent=is_urgent)

    async def _send_answer(self, answer: Answer) -> None:
        headers = answer.headers
        self._announce_close(headers)
        try:
            await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
            piece = answer.first
            while not answer.is_complete:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._threads.run(self._context, answer.take_piece, is_patient=True)
            await self._send({"type": "http.response.body", "body": piece})
        finally:
            if not answer.is_complete:
                await asyncio.shield(self._threads.run(self._context, answer.close, is_patient=True))
        await self._discard_rest(answer.status)

    def _announce_close(self, headers: list[tuple[bytes, bytes]]) -> None:
        if not self._is_whole:
            self.hangup.is_last = True
            headers.append((b"Connection", b"close"))

    async def _discard_rest(self, status: int) -> None:
        """Read and discard the body for a moment, so that the client gets to read the answer."""
        left = _DISCARDED_BYTES.get(status, _MAX_DISCARDED_BYTES)
        if self._is_whole or (self._is_body_held_back and not self.body.byte_count):
            return
        try:
            async with asyncio.timeout(_DISCARD_S):
                while left > 0:
                    message = await self._receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return


def _call(app: WsgiApp, environ: dict[str, Any]) -> Answer | BodyNeeded | Parked:
    try:
        return Answer(app, environ)
    except (BodyNeeded, Parked) as instead:
        # the traceback's frames would keep the application's objects alive while the request waits
        instead.__context__ = None
        return instead.with_traceback(None)
