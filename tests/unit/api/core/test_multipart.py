"""Forms as real clients send them."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def part(content: bytes, disposition: bytes = b'form-data; name="image"; filename="a.jpg"', more: bytes = b"") -> bytes:
    return b"--B\r\nContent-Disposition: " + disposition + b"\r\n" + more + b"\r\n" + content + b"\r\n"


@pytest.fixture
def post(client: FlaskClient) -> Callable[..., TestResponse]:
    def send(body: bytes, kind: str = "multipart/form-data; boundary=B", path: str = "/v1/jobs") -> TestResponse:
        return client.post(path, data=body, content_type=kind)

    return send


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'form-data; name="image"; filename="Fot\xf3.jpg"', "Fotó.jpg"),
        ('form-data; name="image"; filename="Fotó.jpg"'.encode(), "Fotó.jpg"),
        (b'form-data; name="image"; filename="\x80\x81\x82"', None),
        (b'form-data; name="image"', None),
        (b'form-data; name=image; filename=""', None),
        (b"form-data; name=\"image\"; filename*=UTF-8''Fot%C3%B3.jpg", "Fotó.jpg"),
    ],
)
def test_a_photo_is_accepted_whatever_its_name(
    post: Callable[..., TestResponse], photo: bytes, disposition: bytes, name: str | None
) -> None:
    answer = post(part(photo, disposition, b"Content-Type: image/jpeg\r\n") + b"--B--\r\n")
    assert answer.status_code == 202, answer.text
    assert answer.get_json()["photo"]["filename"] == name


def test_a_batch_takes_a_photo_with_an_odd_name_beside_others(post: Callable[..., TestResponse], photo: bytes) -> None:
    odd, unnamed = b'form-data; name="image"; filename="Fot\xf3.jpg"', b'form-data; name="image"'
    body = part(photo, odd) + part(photo) + part(b"no picture") + part(photo, unnamed) + b"--B--\r\n"
    answer = post(body, path="/v1/batches")
    assert answer.status_code == 202, answer.text
    photos = answer.get_json()["photos"]
    assert [each["state"] for each in photos] == ["queued", "queued", "refused", "queued"]
    assert [each["filename"] for each in photos] == ["Fotó.jpg", "a.jpg", "a.jpg", None]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/batches"])
@pytest.mark.parametrize(
    ("kind", "make_body", "fault"),
    [
        ("multipart/form-data; boundary=B", part, "closing boundary"),
        ("multipart/form-data; boundary=B", lambda photo: part(photo)[:-20], "closing boundary"),
        ("multipart/form-data", lambda photo: part(photo) + b"--B--\r\n", "names no boundary"),
        ("multipart/form-data; boundary=C", lambda photo: part(photo) + b"--B--\r\n", "the boundary C"),
        (
            "multipart/form-data; boundary=C",
            lambda photo: part(photo + b"x" * 900_000) + b"--B--\r\n",
            "the boundary C",
        ),
        (
            "multipart/form-data; boundary=B",
            lambda photo: b"--B\r\nX: y\r\n\r\n" + photo + b"\r\n--B--\r\n",
            "Disposition",
        ),
        (
            "multipart/form-data; boundary=B",
            lambda _photo: b"--B\r\nContent-Disposition: form-data",
            "within the headers",
        ),
        ("multipart/form-data; boundary=B", lambda photo: part(photo, b"form-data") + b"--B--\r\n", "has no name"),
        ("multipart/form-data; boundary=\xfc", lambda photo: part(photo) + b"--B--\r\n", "names no boundary"),
    ],
)
def test_a_form_that_cannot_be_read_is_told_why(
    post: Callable[..., TestResponse],
    photo: bytes,
    path: str,
    kind: str,
    make_body: Callable[[bytes], bytes],
    fault: str,
) -> None:
    answer = post(make_body(photo), kind, path)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request"), answer.text
    assert fault in answer.get_json()["detail"]


def test_a_form_without_a_photo_still_says_so(post: Callable[..., TestResponse]) -> None:
    answer = post(part(b"x", b'form-data; name="other"') + b"--B--\r\n")
    assert answer.get_json()["code"] == "photo_missing"


def test_a_form_that_is_not_utf_8_is_told_so(client: FlaskClient) -> None:
    answer = client.post("/sign-in", data=b"name=\xff", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
