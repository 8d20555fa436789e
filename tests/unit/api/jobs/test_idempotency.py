"""Repeated requests, sequential and concurrent."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.core import queues
from emoscope.settings import Settings
from tests.support.factories.photos import make_photo

AT_ONCE = 6


def list_photos(settings: Settings) -> list[Path]:
    return list(Path(settings.effective_blob_url, "photos").iterdir())


def test_the_same_key_answers_with_the_first_job(
    client: FlaskClient, photo: bytes, settings: Settings, valkey: Any
) -> None:
    headers = {"Idempotency-Key": "one"}
    first = client.post("/v1/jobs?detector=hog", data=photo, headers=headers)
    again = client.post("/v1/jobs?detector=hog", data=photo, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json() == again.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(list_photos(settings)) == 1
    assert valkey.client().llen(queues.ANALYSIS_QUEUE) == 1


def test_a_form_and_a_body_that_ask_for_the_same_are_the_same(client: FlaskClient, photo: bytes) -> None:
    headers = {"Idempotency-Key": "one"}
    first = client.post("/v1/jobs?min_face_px=40", data=photo, headers=headers).get_json()
    form = {"image": (io.BytesIO(photo), "other-name.jpg"), "min_face_px": "40"}
    assert client.post("/v1/jobs", data=form, headers=headers).get_json()["id"] == first["id"]


def test_the_same_key_with_another_request_is_a_conflict(
    client: FlaskClient,
    photo: bytes,
) -> None:
    headers = {"Idempotency-Key": "one"}
    client.post("/v1/jobs", data=photo, headers=headers)
    for response in (
        client.post("/v1/jobs", data=make_photo(colour="red"), headers=headers),
        client.post("/v1/jobs?priority=bulk", data=photo, headers=headers),
        client.post("/v1/batches", data={"image": [(io.BytesIO(photo), "a.jpg")]}, headers=headers),
    ):
        assert (response.status_code, response.get_json()["code"]) == (422, "idempotency_conflict")


def test_keys_of_two_applications_are_apart(client: FlaskClient, other_client: FlaskClient, photo: bytes) -> None:
    headers = {"Idempotency-Key": "one"}
    first = client.post("/v1/jobs", data=photo, headers=headers).get_json()
    assert other_client.post("/v1/jobs", data=photo, headers=headers).get_json()["id"] != first["id"]


def test_a_key_is_free_again_once_its_job_is_erased(client: FlaskClient, photo: bytes) -> None:
    headers = {"Idempotency-Key": "one"}
    first = client.post("/v1/jobs", data=photo, headers=headers).get_json()
    client.delete(first["url"])
    assert client.post("/v1/jobs", data=photo, headers=headers).get_json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve"])
def test_a_key_that_cannot_be_one_is_refused(client: FlaskClient, photo: bytes, key: str) -> None:
    response = client.post("/v1/jobs", data=photo, headers={"Idempotency-Key": key})
    assert response.get_json()["errors"][0]["field"] == "idempotency_key"


def send_at_once(app: APIFlask, client: FlaskClient, path: str, make_body: Callable[[], Any]) -> list[Any]:
    """Send the same request from several threads, each with its own client."""
    start = threading.Barrier(AT_ONCE)

    def send() -> Any:
        own = app.test_client()
        own.environ_base.update(client.environ_base)
        start.wait()
        return own.post(path, data=make_body(), headers={"Idempotency-Key": "one"})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(send) for _ in range(AT_ONCE)]]


def test_the_same_key_at_once_makes_one_job(
    app: APIFlask, client: FlaskClient, photo: bytes, settings: Settings, valkey: Any
) -> None:
    responses = send_at_once(app, client, "/v1/jobs", lambda: photo)
    assert {response.status_code for response in responses} == {202}
    assert len({response.get_json()["id"] for response in responses}) == 1
    assert len(client.get("/v1/jobs").get_json()["items"]) == 1
    assert len(list_photos(settings)) == 1
    assert valkey.client().llen(queues.ANALYSIS_QUEUE) == 1


def test_the_same_key_at_once_makes_one_batch(
    app: APIFlask, client: FlaskClient, photo: bytes, settings: Settings
) -> None:
    def make_form() -> dict[str, Any]:
        return {"image": [(io.BytesIO(photo), "a.jpg"), (io.BytesIO(photo), "b.jpg")]}

    responses = send_at_once(app, client, "/v1/batches", make_form)
    assert {response.status_code for response in responses} == {202}
    assert len({response.get_json()["id"] for response in responses}) == 1
    assert len(list_photos(settings)) == 2
