"""Photos of a batch: accepted ones are stored, refused ones aren't."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.core import queues
from emoscope.settings import Settings
from tests.support.factories.photos import make_photo
from tests.support.forms import make_form


@pytest.fixture
def small_client(open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient]) -> FlaskClient:
    app = open_app(max_photo_bytes=2000, max_batch_photos=3, max_batch_bytes=5000, max_queued_jobs=2)
    return make_client(app, "shop")


def test_each_photo_is_accepted_or_refused_by_itself(client: FlaskClient, photo: bytes, valkey: Any) -> None:
    response = client.post("/v1/batches", data=make_form(photo, b"text", make_photo("PNG"), b""))
    batch = response.get_json()
    assert response.status_code == 202
    assert response.headers["Location"] == batch["url"]
    assert [photo["state"] for photo in batch["photos"]] == ["queued", "refused", "queued", "refused"]
    assert [photo["position"] for photo in batch["photos"]] == [0, 1, 2, 3]
    assert [photo["filename"] for photo in batch["photos"]] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert batch["photos"][1]["error"]["code"] == "not_a_picture"
    assert batch["photos"][3]["error"]["code"] == "empty_photo"
    assert (batch["counts"]["total"], batch["counts"]["queued"], batch["counts"]["refused"]) == (4, 2, 2)
    assert batch["is_done"] is False
    assert valkey.client().llen(queues.ANALYSIS_QUEUE) == 2


def test_options_hold_for_every_photo(client: FlaskClient, photo: bytes, valkey: Any) -> None:
    batch = client.post("/v1/batches", data=make_form(photo, photo, priority="bulk", min_face_px="33")).get_json()
    jobs = client.get(f"/v1/jobs?batch={batch['id']}").get_json()["items"]
    assert [(job["priority"], job["min_face_px"], job["batch_id"]) for job in jobs] == [("bulk", 33, batch["id"])] * 2
    assert valkey.client().llen(queues.BULK_QUEUE) == 2


def test_a_photo_that_is_too_large_is_refused_alone(small_client: FlaskClient, photo: bytes) -> None:
    batch = small_client.post("/v1/batches", data=make_form(photo, b"\0" * 2001)).get_json()
    assert [photo["state"] for photo in batch["photos"]] == ["queued", "refused"]
    assert batch["photos"][1]["error"]["code"] == "photo_too_large"


@pytest.mark.parametrize(
    ("photos", "status", "code"),
    [([], 422, "photo_missing"), ([b"x"] * 4, 422, "too_many_photos"), ([b"x" * 300_000], 413, "photo_too_large")],
)
def test_a_batch_that_is_too_much_is_refused_whole(
    small_client: FlaskClient, photos: list[bytes], status: int, code: str
) -> None:
    response = small_client.post("/v1/batches", data=make_form(*photos), content_type="multipart/form-data")
    assert (response.status_code, response.get_json()["code"]) == (status, code)


@pytest.mark.parametrize("count", [4, 103, 104, 400])
def test_a_batch_of_far_too_many_photos_is_told_so_too(small_client: FlaskClient, count: int) -> None:
    response = small_client.post("/v1/batches", data=make_form(*[b"x"] * count))
    assert (response.status_code, response.get_json()["code"]) == (422, "too_many_photos")


def test_a_batch_for_which_there_is_no_room_stores_nothing(
    small_client: FlaskClient, photo: bytes, settings: Settings
) -> None:
    response = small_client.post("/v1/batches", data=make_form(photo, photo, photo))
    assert (response.status_code, response.get_json()["code"]) == (429, "queue_full")
    assert not Path(settings.effective_blob_url, "photos").exists()
