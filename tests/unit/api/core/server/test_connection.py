"""Deadlines and refusals of one connection. Over sockets: tests/integration/api/test_http_input.py, test_stopping.py."""

from types import SimpleNamespace
from typing import Any

import pytest

from api.core.server.connection import Connection


class Transport:
    """Keeps what was sent, and how the connection ended."""

    def __init__(self) -> None:
        self.sent, self.ended = b"", ""

    def write(self, data: bytes) -> None:
        self.sent += data

    def write_eof(self) -> None:
        self.ended = "eof"

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return self.ended != ""


class Loop:
    """Keeps timers until the test lets their time come."""

    def __init__(self) -> None:
        self.timers: dict[str, Any] = {}

    def call_later(self, _seconds: float, call: Any) -> SimpleNamespace:
        self.timers[call.__name__] = call
        return SimpleNamespace(cancel=lambda: self.timers.pop(call.__name__, None))


@pytest.fixture
def connection() -> Connection:
    made = object.__new__(Connection)
    loop = Loop()
    made.worker = SimpleNamespace(  # type: ignore[assignment]
        loop=loop,
        limits=SimpleNamespace(write_timeout_s=30, header_timeout_s=2),
        count_late_headers=lambda: loop.timers.update(late=True),
        is_stopping=False,
    )
    made.transport, made.loop = Transport(), loop
    from api.core.server.hangup import Hangup

    made._closed, made._current_request, made._body_receiver, made._request_ready = False, None, None, None
    made._header_timer = made._write_timer = None
    made._header_bytes, made._is_answer_begun, made._is_request_whole = 0, False, False
    made._hangup = Hangup()
    return made


def test_headers_that_come_too_late_are_told_so_and_counted_without_a_line_each(connection: Connection) -> None:
    connection._header_bytes = 5
    connection._end_late_headers()
    sent = connection.transport.sent
    assert sent.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in sent
    assert connection.worker.loop.timers["late"]


def test_a_client_that_sent_nothing_is_told_nothing(connection: Connection) -> None:
    connection._end_late_headers()
    assert connection.transport.sent == b""


def test_a_request_that_ends_early_is_refused_once(connection: Connection) -> None:
    connection._header_bytes = 5
    assert connection.eof_received() is False
    sent = connection.transport.sent
    assert sent.startswith(b"HTTP/1.1 400 ")
    assert connection.transport.ended == "eof"
    assert connection.eof_received() is False
    connection.data_received(b"the rest of what was refused")
    assert connection.transport.sent == sent


def test_a_second_answer_is_never_sent_into_the_first(connection: Connection) -> None:
    connection._is_answer_begun, connection._current_request = True, object()
    connection._send_error_response(400, "odd")
    assert connection.transport.sent == b""
    assert connection._hangup.is_refused


def test_a_reader_that_does_not_read_is_cut_off_and_one_that_does_is_not(connection: Connection) -> None:
    loop: Any = connection.worker.loop
    connection._write_timer = loop.call_later(30, connection._end_late_reader)
    loop.timers["_end_late_reader"]()
    assert connection.transport.ended == "aborted"


def test_an_idle_connection_closes_and_a_running_request_goes_on(connection: Connection) -> None:
    connection.req_count = 5
    connection.end_idle(is_reuse_over=False)
    assert connection.transport.ended == ""
    assert connection._hangup.is_set
    connection._current_request, connection._hangup.is_admitted = object(), True
    connection.end_idle()
    assert connection.transport.ended == ""
    assert not connection.is_waiting_for_request
