"""Asks Valkey something on its Unix socket, without ever waiting for the answer: the supervisor looks after others too."""

import contextlib
import socket

_READ_BYTES = 4096


class Question:
    """One command that is sent again and again on a connection of its own."""

    def __init__(self, path: str, command: str) -> None:
        """path: of the socket. command: a line of the Redis protocol."""
        self._path = path
        self._command = f"{command}\r\n".encode()
        self._connection: socket.socket | None = None

    def ask(self) -> bytes | None:
        """Send the command once more. Returns what has been answered since the last call, or None.

        Raises OSError where nobody listens or the connection is cut; the next call reconnects.
        """
        try:
            return self._exchange(self._connection or self._connect())
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> socket.socket:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.setblocking(False)  # noqa: FBT003
        self._connection.connect(self._path)
        return self._connection

    def _exchange(self, connection: socket.socket) -> bytes | None:
        answer = None
        with contextlib.suppress(BlockingIOError):
            answer = connection.recv(_READ_BYTES)
            if not answer:
                raise ConnectionResetError("it closed the connection")
        with contextlib.suppress(BlockingIOError):
            connection.send(self._command)
        return answer
