"""Malformed and slow HTTP input: incomplete requests, truncated bodies, malformed chunks, forms, `Expect`."""

import json
import re
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import func, select

from db.core.session import Database
from db.jobs.tables import IdempotencyKey, Job
from tests.integration.api.serving import Server, make_request, read_answer, serve
from tests.support.factories.accounts import add_key
from tests.support.factories.photos import encode_picture
from tests.support.valkey import Valkey

HALF_REQUESTS = 1000
HEADER_TIMEOUT_S = 2.0
BODY_TIMEOUT_S = 3.0

MALFORMED_CHUNKS = {
    "a sign": b"0x3\r\nabc\r\n0\r\n\r\n",
    "no CRLF behind a chunk": b"3\r\nabcX0\r\n\r\n",
    "a NUL in a trailer": b"3\r\nabc\r\n0\r\nX: a\0b\r\n\r\n",
    "a trailer without a colon": b"3\r\nabc\r\n0\r\nX\r\n\r\n",
    "an empty size": b"\r\nabc\r\n0\r\n\r\n",
    "a space before the size": b" 3\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a bare CR in an extension": b"3;a=\rb\r\nabc\r\n0\r\n\r\n",
    "a bare LF": b"3\nabc\n0\n\n",
}


@pytest.fixture(scope="module")
def database(database_urls: Callable[[str], str]) -> Iterator[Database]:
    opened = Database(database_urls("sqlite"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: Database, valkey_server: Valkey) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("api")
    environment = {
        "EMOSCOPE_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "EMOSCOPE_REDIS_URL": valkey_server.redis_url,
        "EMOSCOPE_BLOB_URL": str(folder / "blobs"),
        "EMOSCOPE_MAX_PHOTO_BYTES": "1000000",
        "EMOSCOPE_RATE_LIMIT": "",
        "EMOSCOPE_HEADER_TIMEOUT_S": str(HEADER_TIMEOUT_S),
        "EMOSCOPE_BODY_TIMEOUT_S": str(BODY_TIMEOUT_S),
        "EMOSCOPE_MIN_BODY_RATE": "1000000",
    }
    key = add_key(database, "http-input")
    with serve(folder, environment) as started:
        started.key = key
        yield started


@pytest.fixture(scope="module")
def photo() -> bytes:
    return encode_picture(Image.effect_noise((256, 256), 50), "JPEG")


@pytest.fixture(scope="module")
def animation() -> bytes:
    """A GIF whose first frame is whole even where the file is not."""
    first, second = (Image.effect_noise((64, 64), 50) for _ in range(2))
    return encode_picture(first, "GIF", save_all=True, append_images=[second])


def raise_file_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def submit(server: Server, body: bytes, *, sent: bytes | None = None, is_end: bool = False, **more: str) -> bytes:
    headers: dict[str, str | int] = {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in more.items()}}
    request = make_request("POST", "/v1/jobs", headers, body if sent is None else sent, key=server.key)
    return server.exchange(request, is_end=is_end)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem_of(answer: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def count_rows(database: Database) -> tuple[int, ...]:
    with database.read() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in (Job, IdempotencyKey))


def list_photos(server: Server) -> set[Path]:
    return {path for path in (server.log.parent / "blobs").rglob("*") if path.is_file()}


def test_a_refusal_is_one_line_of_the_log(server: Server) -> None:
    """The first test of this file: of the refusals of one minute the log has the first few, then their number."""
    before = server.log.stat().st_size
    chunks = MALFORMED_CHUNKS["a sign"]
    request = make_request("POST", "/v1/jobs", {"Transfer-Encoding": "chunked"}, chunks)
    assert [status_of(server.exchange(request)) for _ in range(3)] == [400] * 3
    lines = server.log.read_text()[before:].splitlines()
    assert [("request_refused" in line, "bad_request" in line) for line in lines] == [(True, True)] * 3


def test_incomplete_requests_and_slow_bodies_are_closed_and_delay_no_other(server: Server, photo: bytes) -> None:
    slow_body = make_request("POST", "/v1/jobs", {"Content-Length": 50_000}, b"x")
    slow_form = make_request("POST", "/sign-in", {"Content-Length": 500, "Content-Type": "text/plain"}, b"x")
    raise_file_limit(HALF_REQUESTS + 500)
    halves = (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-a: ", slow_body, slow_form)
    with ExitStack() as held:
        connections = [held.enter_context(server.connect()) for _ in range(HALF_REQUESTS)]
        for number, connection in enumerate(connections):
            connection.sendall(halves[number % len(halves)])
        seconds = []
        for _ in range(3):  # a busy machine may hold up one
            started = time.monotonic()
            assert status_of(server.exchange(make_request("GET", "/healthz"))) == 200
            assert status_of(submit(server, photo)) == 202
            seconds.append(time.monotonic() - started)
        assert min(seconds) < 5, seconds  # the server alone takes milliseconds: bench.server.compare
        for connection in connections:
            connection.settimeout(60)
            while connection.recv(65536):
                pass


def test_a_slow_upload_with_a_key_gets_a_timeout_error(server: Server) -> None:
    answer = server.exchange(make_request("POST", "/v1/jobs", {"Content-Length": 50_000}, b"x", key=server.key))
    assert (status_of(answer), problem_of(answer)["code"]) == (408, "request_timeout")


def test_incomplete_headers_get_a_timeout_error(server: Server) -> None:
    answer = server.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nX-a: ")
    assert (status_of(answer), problem_of(answer)["code"]) == (408, "request_timeout")


@pytest.mark.parametrize("share", [0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("form", ["raw", "chunked", "multipart"])
def test_a_cut_body_leaves_nothing_behind(
    server: Server, database: Database, animation: bytes, form: str, share: float
) -> None:
    body, headers = animation, {}
    if form == "multipart":
        head = b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.gif"\r\n\r\n'
        body, headers = head + animation + b"\r\n--B--\r\n", {"Content-Type": "multipart/form-data; boundary=B"}
    headers["Idempotency-Key"] = f"{form}-{share}"
    if form == "chunked":
        headers["Transfer-Encoding"] = "chunked"
        whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        headers["Content-Length"] = str(len(body))
        whole = body
    rows, photos = count_rows(database), list_photos(server)
    sent = make_request("POST", "/v1/jobs", dict(headers), whole[: int(len(whole) * share)], key=server.key)
    with server.connect() as connection:  # closed at once: nobody reads an answer
        connection.sendall(sent)
    answer = server.exchange(sent, is_end=True)
    assert (status_of(answer), problem_of(answer)["code"]) == (400, "bad_request")
    assert (count_rows(database), list_photos(server)) == (rows, photos)
    again = server.exchange(make_request("POST", "/v1/jobs", dict(headers), whole, key=server.key))
    assert status_of(again) == 202, again


@pytest.mark.parametrize("chunks", MALFORMED_CHUNKS.values(), ids=MALFORMED_CHUNKS)
def test_malformed_chunks_are_a_bad_request_everywhere(server: Server, chunks: bytes) -> None:
    before = server.log.stat().st_size
    routes = ("/v1/jobs", "/v1/batches", "/v1/reviews/undo", "/sign-in", "/try", "/nowhere")
    tries = [(route, key) for route in routes for key in ("", server.key)]
    for route, key in tries:
        headers: dict[str, str | int] = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
        answer = server.exchange(make_request("POST", route, headers, chunks, key=key))
        assert (status_of(answer), problem_of(answer)["code"]) == (400, "bad_request"), route
    lines = server.log.read_text()[before:].splitlines()
    assert len(lines) <= len(tries), lines  # what repeats is summed up


def test_a_client_that_is_still_sending_can_read_the_refusal(server: Server) -> None:
    chunks = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    headers: dict[str, str | int] = {"Transfer-Encoding": "chunked"}
    request = make_request("POST", "/v1/jobs", headers, chunks * 5 + b"no chunk" * 200_000, key=server.key)
    assert status_of(server.exchange(request)) == 400


@pytest.mark.parametrize(
    ("key", "length", "status"), [("emo_wrong", 1000, 401), ("", 1000, 401), (None, 60_000_000, 413)]
)
def test_the_server_sends_no_100_continue_for_a_body_that_it_will_refuse(
    server: Server, key: str | None, length: int, status: int
) -> None:
    headers: dict[str, str | int] = {"Content-Length": length, "Expect": "100-continue"}
    request = make_request("POST", "/v1/jobs", headers, key=server.key if key is None else key)
    assert status_of(server.exchange(request)) == status


def test_the_server_sends_100_continue_for_an_acceptable_body(server: Server, photo: bytes) -> None:
    headers: dict[str, str | int] = {"Content-Length": len(photo), "Expect": "100-continue"}
    with server.connect() as connection:
        connection.sendall(make_request("POST", "/v1/jobs", headers, key=server.key))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(photo)
        assert status_of(read_answer(connection)) == 202


@pytest.mark.parametrize("length", [30_000_000, None], ids=["with its length", "in chunks"])
def test_a_photo_that_is_too_large_is_refused_before_its_end(server: Server, length: int | None) -> None:
    if length is None:
        body, headers = (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 400, {"Transfer-Encoding": "chunked"}
    else:
        body, headers = b"x" * length, {"Content-Length": str(length)}
    answer = server.exchange(make_request("POST", "/v1/jobs", dict(headers), body, key=server.key))
    assert (status_of(answer), problem_of(answer)["code"]) == (413, "photo_too_large")
    assert b"Connection: close" in answer


def test_a_request_line_may_name_the_whole_url(server: Server) -> None:
    assert status_of(server.exchange(b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 200


def test_a_request_without_a_host_is_refused(server: Server) -> None:
    answer = server.exchange(b"GET /docs HTTP/1.1\r\n\r\n")
    assert (status_of(answer), problem_of(answer)["code"]) == (400, "bad_request")


def test_headers_without_end_are_refused(server: Server) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 4000) for number in range(20))
    answer = server.exchange(b"GET / HTTP/1.1\r\n" + lines)
    assert (status_of(answer), problem_of(answer)["code"]) == (431, "http_error")


def test_pipelined_requests_are_answered_in_turn(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(make_request("GET", "/healthz") + make_request("GET", "/nowhere"))
        found = b""
        while found.count(b"HTTP/1.1 ") < 2 and (piece := connection.recv(65536)):  # both may come at once
            found += piece
    assert [status[:3] for status in found.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404"]


def test_a_wait_ends_when_the_client_disconnects(server: Server, photo: bytes) -> None:
    job = problem_of(submit(server, photo))
    with server.connect() as connection:
        connection.sendall(make_request("GET", f"/v1/jobs/{job['id']}?wait=60", key=server.key))
        connection.shutdown(socket.SHUT_WR)
        started = time.monotonic()
        assert problem_of(read_answer(connection))["status"] == "queued"
    assert time.monotonic() - started < 10


def test_no_request_left_a_traceback(server: Server) -> None:
    assert not re.search(r"Traceback|unreadable_request|unexpected_error", server.log.read_text())
