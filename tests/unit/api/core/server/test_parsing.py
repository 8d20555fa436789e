"""The parser of requests."""

import pytest
from gunicorn.asgi.parser import (
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestMethod,
    ParseError,
    UnsupportedTransferCoding,
)

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


@pytest.mark.parametrize(
    ("request_bytes", "kind", "said"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", InvalidHeader, "larger than any body"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"0" * 20 + b"\r\n\r\n", InvalidHeader, "larger than any body"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            UnsupportedTransferCoding,
            "coding 'gzip'; only",
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: x\xe9\r\n\r\n",
            UnsupportedTransferCoding,
            r"coding 'x\\xe9'; only chunked",
        ),
        (b"get / HTTP/1.1\r\n", InvalidRequestMethod, "method 'get' is none"),
        (b"G\x1b[2J / HTTP/1.1\r\n", InvalidRequestMethod, r"method 'G\\x1b"),
        (b"GET / HTTP/3\r\n", InvalidHTTPVersion, "ends with 'HTTP/3'"),
        (b"GET / HTTP/1.1\r\nX y: 1\r\n", InvalidHeaderName, "have the name 'X y'"),
        (HEAD + b"Content-Length: 3\r\n", InvalidHeaderName, "have the name 'content-length'"),
    ],
)
def test_a_fault_is_told_in_a_sentence_of_printable_ascii(
    request_bytes: bytes, kind: type[ParseError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        parse(request_bytes)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_a_length_may_have_nineteen_digits() -> None:
    _, parser = parse(b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 19 + b"\r\n\r\n")
    assert parser.content_length == 10**19 - 1
