"""A real HTTP server that records the calls that it gets."""

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Hook:
    """A received call."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> Any:
        """Verify the signature like a receiver, and return the event."""
        return Webhook(secret).verify(self.body, self.headers)["data"]


class HookReceiver:
    """Responds with the given statuses in order; the last one is repeated."""

    def __init__(self, answers: list[int], headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        """headers, body: of every response."""
        self._hooks: queue.Queue[Hook] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received = self.rfile.read(int(self.headers["Content-Length"]))
                status = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)
                receiver._hooks.put(Hook({name.lower(): value for name, value in self.headers.items()}, received))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, count: int, timeout_s: float = 30) -> list[Hook]:
        """Return the next calls, once there are `count`."""
        return [self._hooks.get(timeout=timeout_s) for _ in range(count)]
