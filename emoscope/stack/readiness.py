"""Queries the API of this machine's stack for readiness, without blocking.

It must not block, because the API asks the supervisor for the state of its programs before it answers. It doesn't use
http.client, which would double the supervisor's memory.
"""

import json
import selectors
import socket

_READ_BYTES = 65_536
_CONNECT_TIMEOUT_S = 1.0


class ReadinessProbe:
    """One request to /readyz, whose response is read as it arrives. Always close it."""

    def __init__(self, selector: selectors.BaseSelector, host: str, port: int) -> None:
        """Send the request. The selector's owner calls the key's `data` with its `fileobj` when it is readable."""
        self.missing: str | None = None
        """What the stack still waits for, in a few words; empty if it is ready; None until a response arrives."""
        self._selector = selector
        self._answer = b""
        self._connection: socket.socket | None = None
        shown = f"[{host}]" if ":" in host else host
        try:
            self._connection = socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S)
            self._connection.sendall(f"GET /readyz HTTP/1.0\r\nHost: {shown}:{port}\r\n\r\n".encode())
            self._connection.setblocking(False)  # noqa: FBT003
            selector.register(self._connection, selectors.EVENT_READ, self._read)
        except OSError:
            self.missing = "the API"

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            if self._connection in self._selector.get_map():
                self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data, self._answer = b"", b""
        self._answer += data
        if not data:
            self.close()
            self.missing = _read_answer(self._answer)


def _read_answer(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ", 2)[1:2] == [b"200"]:
        return ""
    try:
        return str(json.loads(body).get("detail", "a component of it"))
    except (ValueError, AttributeError):
        return "the API"
