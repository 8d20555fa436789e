"""One client's connection: Gunicorn's HTTP/1.1 protocol for ASGI, with a deadline on everything that a client may delay.

Gunicorn sets no deadline on incomplete headers, half-closed connections and clients that don't read their answer. The methods
overridden here are internal to Gunicorn and may change with its next major version, so `pyproject.toml` pins it below that.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from gunicorn.asgi.protocol import ASGIProtocol

from api.core.server.bridge import HANGUP
from api.core.server.hangup import Hangup
from api.core.server.parsing import StrictParser
from api.core.server.refusals import Refusal

if TYPE_CHECKING:
    from api.core.server.worker import ServerWorker

log = structlog.get_logger(__name__)

_MAX_HEADER_BYTES = 32_000
"""Bytes of request line and headers. A thousand incomplete requests then hold at most 32 MB."""

_MAX_BUFFERED_BYTES = 64_000
"""Body bytes that wait to be read by the bridge; above this the socket isn't read."""

_LINGER_S = 2.0
"""How long a client may keep sending after its request was refused."""

_STATUS_CODES = {414: "http_error", 431: "http_error", 501: "http_error"}


class Connection(ASGIProtocol):  # type: ignore[misc]  # Gunicorn has no types
    """A connection with deadlines."""

    worker: "ServerWorker"
    _closed: bool
    _body_receiver: Any
    _callback_parser: Any
    _current_request: Any

    def __init__(self, worker: "ServerWorker") -> None:
        super().__init__(worker)
        self._max_buffer_size = _MAX_BUFFERED_BYTES
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._is_request_whole = False
        self._is_answer_begun = False
        self._hangup = Hangup()

    @property
    def is_waiting_for_request(self) -> bool:
        """Whether no request is being served."""
        return self._current_request is None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Called by asyncio."""
        self._header_timer = self.worker.loop.call_later(self.worker.limits.header_timeout_s, self._end_late_headers)
        super().connection_made(transport)
        self.worker.add_connection(self)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._closed:
            return  # the rest of a refused request
        if self._current_request is None:
            self._header_bytes += len(data)
        try:
            super().data_received(data)
        except Exception:  # whatever the parser fails on, the client must not see a traceback
            log.exception("unreadable_request")
            self._refuse(400, "the request is not well-formed HTTP")
        if self._current_request is None and self._header_bytes > _MAX_HEADER_BYTES:
            self._refuse(431, f"request line and headers may have at most {_MAX_HEADER_BYTES:,} bytes")

    def eof_received(self) -> bool:
        """Called by asyncio when the client closes its sending side. Returns whether the connection stays open for the answer."""
        if self._closed:
            return False
        if self._current_request is None:
            if self._header_bytes:
                self._refuse(400, "the request ended within its headers")
            return False
        if not self._is_request_whole:
            if not self._is_answer_begun:
                self._refuse(400, "the body ended before all of it had arrived")
            return False
        # Most such clients are gone. One that only closed its sending side still gets its answer, at once.
        self._keepalive = 0
        self._hangup.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self.worker.remove_connection(self)
        self._cancel_timers()
        self._hangup.set()
        super().connection_lost(exc)
        if self._flow_control is not None:
            self._flow_control.resume_writing()  # otherwise writers that wait for the client would wait forever

    def pause_writing(self) -> None:
        """Called by asyncio when the client reads more slowly than the answer is sent."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.worker.loop.call_later(self.worker.limits.write_timeout_s, self._end_late_reader)

    def resume_writing(self) -> None:
        """Called by asyncio when the client has caught up."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def end_idle(self, *, is_reuse_over: bool = True) -> None:
        """Close the connection if it serves no request. If its request waits, answer it at once.

        is_reuse_over: whether to also close an idle connection that was used before; its client may already be sending.
        """
        self._hangup.set()
        if self._closed:
            self.transport.abort()
        elif self._current_request is None:
            if is_reuse_over or self.req_count <= 1:
                self._close_transport()
        elif is_reuse_over and not self._hangup.is_admitted:
            self._close_transport()

    def _setup_callback_parser(self) -> None:
        self._callback_parser = StrictParser(
            on_headers_complete=self._on_headers_complete,
            on_body=self._on_body,
            on_message_complete=self._on_message_complete,
            limit_request_line=self.cfg.limit_request_line,
            limit_request_fields=self.cfg.limit_request_fields,
            limit_request_field_size=self.cfg.limit_request_field_size,
        )

    def _http1_buffered(self) -> int:
        receiver, parser = self._body_receiver, self._callback_parser
        return (receiver.buffered if receiver is not None else 0) + (parser.unread_bytes if parser is not None else 0)

    def _will_close(self, *args: Any) -> bool:
        return self._hangup.is_last or bool(super()._will_close(*args))

    def _on_headers_complete(self) -> bool:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        self.worker.note_request(self)
        self._header_bytes = 0
        self._is_request_whole = self._is_answer_begun = False
        if not self.worker.is_stopping:
            self._hangup = Hangup()
        return bool(super()._on_headers_complete())

    def _on_message_complete(self) -> None:
        self._is_request_whole = True
        super()._on_message_complete()

    def _send_response_start(self, *args: Any, **kwargs: Any) -> None:
        self._is_answer_begun = True
        super()._send_response_start(*args, **kwargs)

    def _build_http_scope(self, *args: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._build_http_scope(*args)
        scope[HANGUP] = self._hangup
        return scope

    def _is_websocket_upgrade(self, _request: Any) -> bool:
        return False  # WebSockets aren't supported, and a server may ignore an upgrade

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        """Called by Gunicorn for malformed requests. Gunicorn closes the connection afterwards."""
        if self._closed:
            return
        self._hangup.is_refused = True
        if self._is_answer_begun and self._current_request is not None:
            log.warning("request_refused", code="bad_request", status=status, reason=message)
            return  # part of an answer was sent; a second one would be read as part of it
        self._send_refusal(Refusal(_STATUS_CODES.get(status, "bad_request"), message, status=status))

    def _close_transport(self) -> None:
        if self.transport is None or self._closed:
            return
        timeout_s = self.worker.limits.write_timeout_s
        if self._hangup.is_refused:
            # Closing while the client still sends would reset the connection, and the client would never read the reason.
            self.transport.write_eof()
            self._closed = True
            if self._body_receiver is not None:
                self._body_receiver.signal_disconnect()
            timeout_s = _LINGER_S
        else:
            super()._close_transport()
        # asyncio would otherwise keep trying to send for as long as the client doesn't read
        if self._write_timer is not None:
            self._write_timer.cancel()
        self._write_timer = self.worker.loop.call_later(timeout_s, self._end_late_reader)

    def _refuse(self, status: int, detail: str) -> None:
        self._send_error_response(status, detail)
        self._close_transport()
        if self._request_ready is not None:
            self._request_ready.set()  # ends the loop that waits for the next request

    def _send_refusal(self, refusal: Refusal, *, is_logged: bool = True) -> None:
        status, headers, body = refusal.make_answer(is_logged=is_logged)
        headers.append((b"Connection", b"close"))
        lines = [b"HTTP/1.1 %d %s" % (status, self._get_reason_phrase(status).encode())]
        lines += [b": ".join(header) for header in headers]
        self._is_answer_begun = True
        self._safe_write(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def _end_late_headers(self) -> None:
        self._header_timer = None
        self.worker.count_late_headers()  # counted, not logged one by one: a slow-header attack makes many
        if self._header_bytes:
            detail = "the headers didn't arrive in time"
            self._send_refusal(Refusal("request_timeout", detail), is_logged=False)
        self._close_transport()
        if self._request_ready is not None:
            self._request_ready.set()

    def _end_late_reader(self) -> None:
        self._write_timer = None
        if self.transport is not None:
            self.transport.abort()

    def _cancel_timers(self) -> None:
        for timer in (self._header_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._header_timer = self._write_timer = None
