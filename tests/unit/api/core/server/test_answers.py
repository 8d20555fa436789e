"""Responses read from the WSGI application in pieces."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.core.server.answers import _MAX_PIECE_BYTES, Answer, BodyNeeded, MissingBody


class Pieces:
    """A body of a WSGI application that knows whether it was closed."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces, self._error = pieces, error
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._error:
            raise self._error

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


def answer(body: Pieces, written: bytes = b"") -> Answer:
    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Pieces:
        write = start("200 OK", [("X-Name", "é")])
        if written:
            write(written)
        return body

    return Answer(app, {})


def test_small_pieces_come_as_one_and_the_body_is_closed() -> None:
    body = Pieces(b"a", b"b")
    taken = answer(body, b"first ")
    assert (taken.status, taken.first, taken.headers) == (200, b"first ab", [(b"X-Name", "é".encode("latin-1"))])
    assert taken.is_complete
    assert body.is_closed


def test_a_long_answer_is_taken_as_it_is_read() -> None:
    body = Pieces(*[b"x" * _MAX_PIECE_BYTES] * 3)
    taken = answer(body)
    assert (len(taken.first), taken.is_complete, body.is_closed) == (_MAX_PIECE_BYTES, False, False)
    rest = b""
    while not taken.is_complete:
        rest += taken.take_piece()
    assert len(rest) == 2 * _MAX_PIECE_BYTES
    assert body.is_closed


def test_a_body_that_fails_is_closed() -> None:
    body = Pieces(b"a", error=OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        answer(body)
    assert body.is_closed


def test_reading_a_body_that_has_not_come_is_no_exception_that_a_handler_catches() -> None:
    for read in (MissingBody().read, MissingBody().readline, MissingBody().readinto):
        with pytest.raises(BodyNeeded):
            read()
    assert not issubclass(BodyNeeded, Exception)
