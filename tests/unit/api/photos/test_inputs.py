"""Photos in JSON: read like those of a form, and refused before they are fetched or copied."""

import base64
import hashlib

import pytest
from apiflask import APIFlask
from werkzeug.exceptions import RequestEntityTooLarge

from api.core.errors import Problem
from api.photos.inputs import MAX_JSON_BYTES, JobBody, PhotoInput, is_json, read_input, read_json_body
from emoscope.settings import Settings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

URL = "https://example.com/a/team.jpg?key=1"


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def refuse(given: PhotoInput, settings: Settings) -> Problem:
    with pytest.raises(Problem) as caught:
        read_input(given, settings)
    return caught.value


def test_base64_is_the_photo_and_its_bytes_are_decoded_when_they_are_asked_for(
    settings: Settings, photo: bytes
) -> None:
    for text in (
        encode(photo),
        f"data:image/jpeg;base64,{encode(photo)}",
        encode(photo)[:40] + "\r\n " + encode(photo)[40:],
    ):
        sent = read_input(PhotoInput(image_base64=text, filename="../a/team.jpg"), settings)
        assert sent.photo is not None
        assert (sent.photo.byte_count, sent.photo.header.width, sent.filename) == (len(photo), 64, "team.jpg")
        assert sent.read() == photo
        assert sent.mark == hashlib.sha256(photo).hexdigest()
        assert sent.source_url is None


def test_a_url_is_kept_and_nothing_is_fetched(settings: Settings) -> None:
    sent = read_input(PhotoInput(image_url=URL), settings)
    assert (sent.photo, sent.read(), sent.source_url, sent.mark) == (None, b"", URL, URL)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.jpg",
        "http://[::1]/a.jpg",
        "http://169.254.169.254/latest",
        "ftp://example.com/a.jpg",
        "https://example.com:22/a.jpg",
        "https://ana:word@example.com/a.jpg",
        "team.jpg",
        "",
    ],
)
def test_a_url_that_the_service_may_not_fetch_is_refused_by_name(settings: Settings, url: str) -> None:
    problem = refuse(PhotoInput(image_url=url), settings)
    assert (problem.kind.code, problem.errors[0]["field"]) == ("invalid_request", "image_url")


def test_private_hosts_and_other_ports_are_fetched_from_where_a_setting_says_so(settings: Settings) -> None:
    open_ = settings.model_copy(update={"fetch_private_hosts": True, "fetch_ports": "80,443,8080"})
    assert read_input(PhotoInput(image_url="http://127.0.0.1:8080/a.jpg"), open_).source_url is not None


@pytest.mark.parametrize("given", [{}, {"image_url": URL, "image_base64": "aaaa"}])
def test_a_photo_comes_in_one_form_alone(settings: Settings, given: dict[str, str]) -> None:
    problem = refuse(PhotoInput(**given), settings)
    assert problem.errors == [{"in": "json", "field": "image_url", "reason": "give either image_url or image_base64"}]


@pytest.mark.parametrize("text", ["not base64!", "abc", "data:image/png;base64,???", "\N{SNOWMAN}"])
def test_what_is_no_base64_is_refused_by_name(settings: Settings, text: str) -> None:
    problem = refuse(PhotoInput(image_base64=text), settings)
    assert (problem.kind.code, problem.errors[0]["field"]) == ("invalid_request", "image_base64")


def test_what_base64_holds_is_checked_as_any_photo_is(settings: Settings, photo: bytes) -> None:
    small = settings.model_copy(update={"max_photo_bytes": len(photo) - 1})
    for data, limits, code in (
        (b"", settings, "empty_photo"),
        (b"a text", settings, "not_a_picture"),
        (photo, small, "photo_too_large"),
    ):
        assert refuse(PhotoInput(image_base64=encode(data)), limits).kind.code == code


def test_a_body_is_told_from_a_form_by_its_type_and_read_up_to_a_limit(app: APIFlask) -> None:
    with app.test_request_context(method="POST", json={"image_url": URL, "min_face_px": 40}):
        assert is_json()
        assert read_json_body(JobBody).min_face_px == 40
    with app.test_request_context(method="POST", data={"image": "x"}):
        assert not is_json()
    with (
        app.test_request_context(method="POST", json={"image_base64": "a" * MAX_JSON_BYTES}),
        pytest.raises(RequestEntityTooLarge),
    ):
        read_json_body(JobBody)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"image_url": 7}, "image_url"),
        ({"colour": "red"}, "colour"),
        ({"image_url": URL, "min_face_px": "40"}, "min_face_px"),
    ],
)
def test_a_body_of_another_form_is_refused_by_field(app: APIFlask, body: dict[str, object], field: str) -> None:
    with app.test_request_context(method="POST", json=body), pytest.raises(Problem) as caught:
        read_json_body(JobBody)
    assert [(error["in"], error["field"]) for error in caught.value.errors] == [("json", field)]
