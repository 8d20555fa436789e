"""Detects when the queue no longer answers on its socket; it has no heartbeat file of ours."""

import contextlib
import socket

from emoscope.pulse import FROZEN_AFTER_S
from emoscope.stillness import Stillness

_LOOK_EVERY_S = 2.0
_READ_BYTES = 4096


class SilentSocket:
    """Pings Valkey on its Unix socket without blocking, because the supervisor has other programs to watch."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: socket.socket | None = None
        self._answers = 0
        self._stillness = Stillness()
        self._looked_at: float | None = None

    def is_silent(self, now: float) -> bool:
        """Return whether the program accepts connections but has answered nothing for FROZEN_AFTER_S seconds.

        now: monotonic time in seconds. Checks at most every two seconds.
        """
        if self._looked_at is not None and now - self._looked_at < _LOOK_EVERY_S:
            return False
        self._looked_at = now
        try:
            self._ask()
        except OSError:  # it has ended or is starting, which the supervisor sees itself
            self.close()
            return False
        return self._stillness.look(self._answers, now) >= FROZEN_AFTER_S

    def close(self) -> None:
        """Reset the measurement."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._stillness.reset()

    def _ask(self) -> None:
        """Read the answers that have arrived, and ping again. Raises OSError."""
        if self._connection is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.setblocking(False)  # noqa: FBT003
            try:
                connection.connect(self._path)
            except OSError:
                connection.close()
                raise
            self._connection = connection
        with contextlib.suppress(BlockingIOError):
            data = self._connection.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError("it closed the connection")
            self._answers += 1
        with contextlib.suppress(BlockingIOError):
            self._connection.send(b"PING\r\n")
