"""The parser of requests."""

import pytest
from gunicorn.asgi.parser import ParseError

from api.core.server.parsing import StrictParser

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"


def parse(data: bytes) -> tuple[bytes, StrictParser]:
    got: list[bytes] = []
    parser = StrictParser(on_body=got.append)
    parser.feed(data)
    return b"".join(got), parser


def test_a_body_in_chunks_with_a_trailer_is_read_and_what_follows_is_counted() -> None:
    body, parser = parse(HEAD + b"X-Sum: 1\r\n\r\nGET /")
    assert (body, parser.is_complete, parser.unread_bytes) == (b"abc", True, 5)


@pytest.mark.parametrize("trailer", [b"no colon", b"X Y: 1", b": 1", b"X: a\0b"])
def test_a_trailer_that_is_no_header_field_is_refused(trailer: bytes) -> None:
    with pytest.raises(ParseError):
        parse(HEAD + trailer + b"\r\n\r\n")


def test_half_a_request_has_nothing_unread() -> None:
    _, parser = parse(HEAD)
    assert (parser.is_complete, parser.unread_bytes) == (False, 0)
