"""Responses of the WSGI application, taken from it in a thread and sent from the event loop."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import has_request_context, request

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_MAX_PIECE_BYTES = 256_000
"""Bytes taken from the application at once. No thread is held while a client reads them, however slowly."""


class BodyNeeded(BaseException):
    """The application reads the body, which hasn't arrived. A BaseException, so that no handler of the application catches it.

    max_bytes: the limit that the application has set on this body so far, or None.
    """

    def __init__(self, max_bytes: int | None) -> None:
        super().__init__()
        self.max_bytes = max_bytes


class MissingBody:
    """Stands in for the body while the application runs with the headers alone."""

    def read(self, _size: int = -1) -> bytes:
        """Raise BodyNeeded."""
        raise BodyNeeded(request.max_content_length if has_request_context() else None)

    readline = readinto = read


class Answer:
    """One response. Every method that runs code of the application is called in a thread."""

    def __init__(self, app: WsgiApp, environ: dict[str, Any]) -> None:
        """Run the application and take the first piece. Raises what the application raises."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self._written: list[bytes] = []
        self._body = app(environ, self._start)
        self._pieces = iter(self._body)
        self.first = self.take_piece()

    def take_piece(self) -> bytes:
        """Return the next bytes; `is_complete` says whether they are the last."""
        pieces, size = self._written, sum(map(len, self._written))
        self._written = []
        try:
            while size < _MAX_PIECE_BYTES:
                piece = next(self._pieces, None)
                if piece is None:
                    self.close()
                    break
                pieces.append(piece)
                size += len(piece)
        except BaseException:
            self.close()
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Close the application's iterable."""
        if not self.is_complete:
            self.is_complete = True
            if hasattr(self._body, "close"):
                self._body.close()

    def _start(self, status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Callable[[bytes], None]:
        self.status = int(status.partition(" ")[0])
        self.headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self._written.append
