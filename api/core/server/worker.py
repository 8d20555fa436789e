"""The serving process: Gunicorn's ASGI worker with deadlines, a connection limit, and a quick shutdown."""

import asyncio
import contextlib
import os
import signal
import socket
from dataclasses import dataclass
from typing import Any

import structlog
from gunicorn.workers.gasgi import ASGIWorker

from api.core.server.bridge import Bridge, BridgeLimits
from api.core.server.connection import Connection
from emoscope.settings import load_settings

log = structlog.get_logger(__name__)

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_BACKLOG = 2048
_NOTIFY_S = 1.0
_STOP_POLL_S = 0.02
_READ_FIRST_S = 0.05
"""Seconds in which a connection accepted during shutdown must send its request."""
_REUSE_S = 0.5
"""Seconds for which used connections stay open during shutdown: a request may be on its way."""

_WRITE_TIMEOUT_S = 30.0
_MULTIPART_OVERHEAD_BYTES = 1_000_000


@dataclass(frozen=True)
class ConnectionLimits:
    """header_timeout_s: from connecting to the end of the headers. write_timeout_s: for a client to read what was sent."""

    header_timeout_s: float
    write_timeout_s: float
    max_connections: int


class ServerWorker(ASGIWorker):  # type: ignore[misc]  # Gunicorn has no types
    """Serves Gunicorn's WSGI application."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = load_settings()
        self.limits = ConnectionLimits(settings.header_timeout_s, _WRITE_TIMEOUT_S, settings.max_connections)
        self.is_stopping = False
        self._bridge_limits = BridgeLimits(
            threads=settings.api_threads,
            body_timeout_s=settings.body_timeout_s,
            min_body_rate=settings.min_body_rate,
            max_body_bytes=settings.max_batch_bytes + _MULTIPART_OVERHEAD_BYTES,
            max_held_bytes=settings.max_held_body_bytes,
        )
        self._connections: set[Connection] = set()
        self._without_request: dict[Connection, None] = {}  # oldest first
        self._late_headers = 0
        self._stop = asyncio.Event()

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Accept the configuration: it is always ours."""

    def load_wsgi(self) -> None:
        """Called by Gunicorn to load the application."""
        # while it loads, which takes seconds, no request can be lost, so a signal may end it at once
        for number in _STOP_SIGNALS:
            self.loop.remove_signal_handler(number)
        self.bridge = Bridge(self.app.wsgi(), self._bridge_limits)
        self.asgi = self.bridge
        self.init_signals()

    def add_connection(self, connection: Connection) -> None:
        """Add a new connection. Above the limit, close the oldest one that hasn't sent complete headers."""
        self._connections.add(connection)
        self._without_request[connection] = None
        if len(self._connections) > self.limits.max_connections:
            next(iter(self._without_request)).end_idle()

    def note_request(self, connection: Connection) -> None:
        """Record that a request's headers have arrived."""
        self._without_request.pop(connection, None)

    def remove_connection(self, connection: Connection) -> None:
        """Forget a closed connection."""
        self._connections.discard(connection)
        self._without_request.pop(connection, None)

    def count_late_headers(self) -> None:
        """Count a connection that was closed because its headers took too long."""
        self._late_headers += 1

    def handle_exit_signal(self) -> None:
        """Called at SIGTERM."""
        super().handle_exit_signal()
        self._stop.set()

    def handle_quit_signal(self) -> None:
        """Called at SIGINT and SIGQUIT."""
        super().handle_quit_signal()
        self._stop.set()

    async def _serve(self) -> None:
        """Serve until a stop signal or the end of the parent process. Called by Gunicorn."""
        for listener in self.sockets:
            self.servers.append(
                await self.loop.create_server(lambda: Connection(self), sock=listener.sock, backlog=_BACKLOG)
            )
        while self.alive and self.ppid == os.getppid():
            self.notify()
            self._log_late_headers()
            try:
                async with asyncio.timeout(_NOTIFY_S):
                    await self._stop.wait()
            except TimeoutError:
                continue
        await self._finish()

    async def _finish(self) -> None:
        """Answer waiting requests at once, let running ones finish, and close all other connections."""
        self.alive = False
        self.is_stopping = True
        connected = self._accept_the_rest()
        for server in self.servers:
            server.close()
        for accepted in connected:
            await self.loop.connect_accepted_socket(lambda: Connection(self), accepted)
        if connected:
            await asyncio.sleep(_READ_FIRST_S)
        started = self.loop.time()
        while self._connections:
            waited_s = self.loop.time() - started
            for connection in list(self._connections):
                connection.end_idle(is_reuse_over=waited_s >= _REUSE_S)
            if waited_s >= self.cfg.graceful_timeout or self._quick_shutdown:
                log.warning("connections_cut", count=len(self._connections))
                break
            self.notify()
            await asyncio.sleep(_STOP_POLL_S)
        self.bridge.close()

    def _accept_the_rest(self) -> list[socket.socket]:
        """Accept the connections in the kernel's backlog: closing the listener would reset them.

        A proxy can retry a POST whose connection was refused, but not one whose connection was reset.
        """
        accepted: list[socket.socket] = []
        for listener in self.sockets:
            with contextlib.suppress(OSError):  # the backlog is empty
                while True:
                    connection, _ = listener.sock.accept()
                    connection.setblocking(False)  # noqa: FBT003
                    accepted.append(connection)
        return accepted

    def _log_late_headers(self) -> None:
        """Log late headers, at most one line per second."""
        if self._late_headers:
            log.warning("headers_timed_out", connections=self._late_headers)
            self._late_headers = 0
