"""What the supervisor hears from the API, a piece at a time."""

import selectors
import socket
import threading
from collections.abc import Iterator

import pytest

from emoscope.stack.readiness import ReadinessProbe


def answer_with(listener: socket.socket, *pieces: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        assert b"GET /readyz" in connection.recv(4096)
        for piece in pieces:
            connection.sendall(piece)


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as opened:
        yield opened


def read_missing(probe: ReadinessProbe) -> str | None:
    return probe.missing


def ask(selector: selectors.BaseSelector, *pieces: bytes) -> str | None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_with, args=(listener, *pieces))
        thread.start()
        probe = ReadinessProbe(selector, "127.0.0.1", listener.getsockname()[1])
        assert read_missing(probe) is None
        while read_missing(probe) is None:
            for key, _ in selector.select(5):
                key.data(key.fileobj)
        thread.join()
    assert len(selector.get_map()) == 0
    return probe.missing


@pytest.mark.parametrize(
    ("pieces", "missing"),
    [
        ((b"HTTP/1.0 200 OK\r\n\r\n{}",), ""),
        ((b"HTTP/1.0 503 No\r\n", b'\r\n{"detail": "the que', b'ue is away"}'), "the queue is away"),
        ((b"HTTP/1.0 503 No\r\n\r\n{}",), "a component of it"),
        ((b"HTTP/1.0 502 No\r\n\r\n<html>",), "the API"),
        ((b"HTTP/1.0 503 No\r\n\r\n[1]",), "the API"),
        ((), "the API"),
    ],
)
def test_what_the_stack_waits_for_is_what_the_api_says(
    selector: selectors.BaseSelector, pieces: tuple[bytes, ...], missing: str
) -> None:
    assert ask(selector, *pieces) == missing


def test_an_api_that_is_not_there_is_what_is_missing(selector: selectors.BaseSelector) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ReadinessProbe(selector, "127.0.0.1", port).missing == "the API"


def test_a_request_that_is_closed_is_forgotten(selector: selectors.BaseSelector) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        probe = ReadinessProbe(selector, "127.0.0.1", listener.getsockname()[1])
        for _ in range(2):
            probe.close()
    assert len(selector.get_map()) == 0
