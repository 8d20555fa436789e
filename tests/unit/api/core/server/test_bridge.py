"""Requests are complete before they take a thread. Over sockets: tests/integration/api/test_http_input.py."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from api.core.server.bridge import Bridge, BridgeLimits

Message = dict[str, Any]


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answers `/denied` from its headers alone, and everything else with the length of its body."""
    if environ["PATH_INFO"] == "/denied":
        start("401 Unauthorized", [])
        return [b"no"]
    body = environ["wsgi.input"].read()
    start("200 OK", [("X-Runs", "1")])
    return [str(len(body)).encode()]


def serve(
    path: str, *received: Message, limits: BridgeLimits | None = None, **headers: str
) -> tuple[int, bytes, dict[bytes, bytes], int]:
    """Serve one request. Returns status, body and headers of the answer, and how many messages were taken."""
    messages, sent = list(received), []

    async def receive() -> Message:
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "server": None,
        "scheme": "http", "client": None, "http_version": "1.1",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip

    async def run() -> None:
        bridge = Bridge(app, limits or BridgeLimits(threads=2))
        await bridge(scope, receive, send)
        bridge.close()

    asyncio.run(run())
    if not sent:
        return 0, b"", {}, len(received) - len(messages)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body, dict(sent[0]["headers"]), len(received) - len(messages)


def piece(data: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.request", "body": data, "more_body": not is_last}


def test_a_body_in_pieces_is_read_whole() -> None:
    status, body, headers, _ = serve("/", piece(b"abc"), piece(b"de", is_last=True), transfer_encoding="chunked")
    assert (status, body, headers[b"X-Runs"]) == (200, b"5", b"1")


def test_a_body_that_the_client_holds_back_is_asked_for_only_if_it_is_wanted() -> None:
    body = piece(b"abc", is_last=True)
    denied = serve("/denied", body, content_length="3", expect="100-continue")
    wanted = serve("/", body, content_length="3", expect="100-continue")
    assert (denied[0], denied[3], denied[2][b"Connection"]) == (401, 0, b"close")
    assert (wanted[0], wanted[1], wanted[3]) == (200, b"3", 1)


def test_a_large_body_is_refused_from_its_headers_before_all_of_it_came() -> None:
    pieces = [piece(b"x" * 600_000) for _ in range(2)]
    status, _, headers, taken = serve("/denied", *pieces, piece(b"", is_last=True), content_length="9000000")
    assert (status, headers[b"Connection"]) == (401, b"close")
    assert taken == 3  # the rest is read for a moment, so that the client gets to read the answer


def test_a_body_that_does_not_come_is_a_timeout_and_one_beyond_what_fits_is_busy() -> None:
    slow = BridgeLimits(threads=1, body_timeout_s=0.02, min_body_rate=1_000_000)
    status, body, _, _ = serve("/", piece(b"a"), limits=slow, content_length="5")
    assert (status, json.loads(body)["code"]) == (408, "request_timeout")
    small = BridgeLimits(threads=1, max_held_bytes=4)
    status, body, _, _ = serve("/", piece(b"abcde", is_last=True), limits=small, content_length="5")
    assert (status, json.loads(body)["code"]) == (503, "server_busy")


def test_a_client_that_is_gone_is_answered_nothing() -> None:
    assert serve("/", piece(b"a"), {"type": "http.disconnect"}, content_length="5")[0] == 0


def test_health_checks_have_threads_of_their_own() -> None:
    bridge = Bridge(app, BridgeLimits(threads=1))
    assert bridge.find_threads("/healthz") is bridge.find_threads("/readyz")
    assert bridge.find_threads("/v1/jobs") is not bridge.find_threads("/readyz")
    bridge.close()
