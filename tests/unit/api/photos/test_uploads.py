"""Photos uploaded over HTTP."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.core.session import Database
from db.core.vocabulary import Scope
from tests.support.factories.accounts import add_key
from tests.support.factories.photos import make_photo

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "empty_photo"),
        (b"not a picture", 415, "not_a_picture"),
        (b"\xff\xd8\xff\xe0", 422, "broken_picture"),
        (b"BM" + b"\0" * 100, 422, "broken_picture"),
    ],
)
def test_what_cannot_be_analysed_is_refused_at_once(client: FlaskClient, data: bytes, status: int, code: str) -> None:
    for response in (
        client.post("/v1/jobs", data=data, content_type="image/jpeg"),
        client.post("/v1/jobs", data={"image": (io.BytesIO(data), "photo.jpg")}),
    ):
        assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert client.get("/v1/jobs").get_json()["items"] == []


def test_a_form_without_a_photo_says_which_field_is_missing(client: FlaskClient, photo: bytes) -> None:
    for form in ({}, {"photo": (io.BytesIO(photo), "a.jpg")}, {"other": "not a file"}):
        response = client.post("/v1/jobs", data=form, content_type="multipart/form-data")
        assert response.get_json()["code"] == "photo_missing"
        assert "`image`" in response.get_json()["detail"]
        assert ("`photo`" in response.get_json()["detail"]) == ("photo" in form)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/batches"])
def test_a_file_that_nobody_reads_is_refused(client: FlaskClient, photo: bytes, path: str) -> None:
    for name in ("mask", "detector"):
        form = {"image": (io.BytesIO(photo), "a.jpg"), name: (io.BytesIO(b"hog"), "b")}
        answer = client.post(path, data=form)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
        assert answer.get_json()["errors"][0]["field"] == name
    assert client.get("/v1/jobs").get_json()["items"] == []


def test_name_and_content_type_do_not_matter(client: FlaskClient) -> None:
    for content_type in ("image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", ""):
        job = client.post("/v1/jobs", data=make_photo("PNG"), content_type=content_type).get_json()
        assert job["photo"]["media_type"] == "image/png"


class CountingStream(io.RawIOBase):
    """A body without end that counts what is read of it."""

    taken = 0
    largest = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        self.largest = max(self.largest, len(buffer))
        return len(buffer)


@pytest.fixture
def small_client(open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient]) -> FlaskClient:
    return make_client(open_app(max_photo_bytes=2000, max_photo_pixels=5000), "shop")


@pytest.mark.parametrize("length", [{"Content-Length": "1000003"}, {"Transfer-Encoding": "chunked"}])
def test_nothing_past_the_limit_is_kept(small_client: FlaskClient, length: dict[str, str]) -> None:
    stream = CountingStream()
    response = small_client.post(
        "/v1/jobs",
        headers=length,
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True},  # as Gunicorn does
    )
    assert (response.status_code, response.get_json()["code"]) == (413, "photo_too_large")
    assert "2,000" in response.get_json()["detail"]
    # what is past the limit is thrown away, a piece at a time, so that the client gets to read the answer; and not for ever
    assert stream.taken <= 2001 + 32_000_000
    assert stream.largest <= 65_536


def refuse_endless(client: FlaskClient, path: str = "/v1/jobs") -> tuple[int, int]:
    """The status of a refused upload without end, and how many bytes of it were read."""
    stream = CountingStream()
    overrides = {"wsgi.input": stream, "wsgi.input_terminated": True}
    response = client.post(path, headers={"Content-Length": "20000000"}, environ_overrides=overrides)
    return response.status_code, stream.taken


def test_a_refusal_for_key_scope_or_rate_comes_before_the_body_is_read(
    open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient], database: Database
) -> None:
    app = open_app(rate_limit="1/minute")
    key = add_key(database, "board", {Scope.REVIEW})
    nobody, board, shop = app.test_client(), app.test_client(), make_client(app, "shop")
    board.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    assert shop.get("/v1/jobs").status_code == 200
    assert refuse_endless(nobody) == (401, 0)
    assert refuse_endless(board) == (403, 0)
    assert refuse_endless(shop) == (429, 0)


def test_a_form_with_a_photo_past_the_limit_is_too_large(small_client: FlaskClient) -> None:
    for size in (2001, 300_000):
        response = small_client.post("/v1/jobs", data={"image": (io.BytesIO(b"\0" * size), "a.jpg")})
        assert (response.status_code, response.get_json()["code"]) == (413, "photo_too_large")


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/batches"])
@pytest.mark.parametrize(("count", "length"), [(1, 600_000), (1200, 1)], ids=["long", "many"])
def test_a_form_with_too_much_beside_its_photo_is_told_so(
    client: FlaskClient, path: str, count: int, length: int
) -> None:
    field = b'--x\r\nContent-Disposition: form-data; name="detector"\r\n\r\n' + b"x" * length + b"\r\n"
    response = client.post(path, data=field * count + b"--x--\r\n", content_type="multipart/form-data; boundary=x")
    assert (response.status_code, response.get_json()["code"]) == (422, "invalid_request")
    assert "256,000" in response.get_json()["detail"]


def test_a_form_with_several_photos_makes_no_job(client: FlaskClient, photo: bytes) -> None:
    for count in (2, 150):
        form = {"image": [(io.BytesIO(photo), "a.jpg") for _ in range(count)]}
        response = client.post("/v1/jobs", data=form)
        assert (response.status_code, response.get_json()["code"]) == (422, "too_many_photos")
    assert "/v1/batches" in client.post("/v1/jobs", data={"image": [(io.BytesIO(photo), name) for name in "ab"]}).text
    assert client.get("/v1/jobs").get_json()["items"] == []


def test_a_picture_with_too_many_pixels_is_refused(small_client: FlaskClient) -> None:
    response = small_client.post("/v1/jobs", data=make_photo("PNG", (101, 50)))
    assert (response.status_code, response.get_json()["code"]) == (422, "too_many_pixels")
    assert "5,050" in response.get_json()["detail"]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), content_type=st.sampled_from(["", "image/png", "multipart/form-data; boundary=x"]))
def test_no_body_makes_the_service_fail(client: FlaskClient, body: bytes, content_type: str) -> None:
    response = client.post("/v1/jobs", data=body, content_type=content_type)
    assert response.status_code in {202, 400, 413, 415, 422}


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filename=st.text(max_size=300))
def test_every_filename_can_be_stored(client: FlaskClient, photo: bytes, filename: str) -> None:
    response = client.post("/v1/jobs", data={"image": (io.BytesIO(photo), filename.encode(errors="replace").decode())})
    assert response.status_code in {202, 422}  # without a filename it is no file
