"""Photos in JSON: as URLs or in base64, single and in batches."""

import base64
from collections.abc import Callable
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.core.services import Services
from db.jobs.fetching import list_due_fetches
from db.jobs.lifecycle import claim_job
from db.jobs.states import InvalidTransition

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

URL = "https://photos.example.com/a/team.jpg?size=9"


def test_a_photo_in_base64_is_as_one_in_the_body(client: FlaskClient, photo: bytes, services: Services) -> None:
    text = base64.b64encode(photo).decode()
    sent = {"image_base64": text, "filename": "team.jpg", "min_face_px": 40}
    job = client.post("/v1/jobs", json=sent)
    assert job.status_code == 202, job.text
    assert (job.get_json()["photo"]["filename"], job.get_json()["min_face_px"]) == ("team.jpg", 40)
    assert client.get(job.get_json()["photo"]["url"]).data == photo
    assert client.post("/v1/jobs", json={"image_base64": f"data:image/jpeg;base64,{text}"}).status_code == 202


def test_a_url_makes_a_job_whose_photo_is_still_to_be_fetched(client: FlaskClient, services: Services) -> None:
    job = client.post("/v1/jobs", json={"image_url": URL}).get_json()
    assert job["status"] == "queued"
    assert (job["photo"]["source_url"], job["photo"]["sha256"], job["photo"]["width"], job["photo"]["url"]) == (
        URL,
        None,
        None,
        None,
    )
    with services.database.read() as session:
        assert list_due_fetches(session, 10) == [(UUID(job["id"]), URL)]
    with services.database.write() as session, pytest.raises(InvalidTransition):
        claim_job(session, UUID(job["id"]), "host:1", lease_s=10)
    assert client.post(f"/v1/jobs/{job['id']}/cancel").get_json()["status"] == "canceled"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "image_url"),
        ({"image_url": URL, "image_base64": "aaaa"}, "image_url"),
        ({"image_url": "http://127.0.0.1/a.jpg"}, "image_url"),
        ({"image_url": "http://2130706433/"}, "image_url"),
        ({"image_url": "https://example.com:22/a.jpg"}, "image_url"),
        ({"image_url": "file:///etc/passwd"}, "image_url"),
        ({"image_url": 7}, "image_url"),
        ({"image_base64": "not base64!"}, "image_base64"),
        ({"image_url": URL, "min_face_px": "40"}, "min_face_px"),
        ({"image_url": URL, "colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_with_a_json_body_is_said(client: FlaskClient, body: dict[str, object], field: str) -> None:
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


def test_a_json_body_may_not_be_of_any_size(client: FlaskClient) -> None:
    answer = client.post("/v1/jobs", json={"image_base64": "A" * 12_000_000})
    assert answer.status_code == 413


def test_each_photo_of_a_json_batch_is_accepted_or_refused_by_itself(client: FlaskClient, photo: bytes) -> None:
    text = base64.b64encode(photo).decode()
    photos = [
        {"image_url": URL},
        {"image_url": "http://10.0.0.1/a.jpg"},
        {"image_base64": text},
        {"image_base64": base64.b64encode(b"text").decode(), "filename": "b.txt"},
        {},
    ]
    answer = client.post("/v1/batches", json={"photos": photos, "priority": "bulk"})
    batch = answer.get_json()
    assert answer.status_code == 202, answer.text
    assert [each["state"] for each in batch["photos"]] == ["queued", "refused", "queued", "refused", "refused"]
    assert [each["error"] and each["error"]["code"] for each in batch["photos"]] == [
        None,
        "invalid_request",
        None,
        "not_a_picture",
        "invalid_request",
    ]
    assert "must be a public host" in batch["photos"][1]["error"]["detail"]


def test_the_same_url_with_the_same_key_is_one_job(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = client.post("/v1/jobs", json={"image_url": URL}, headers=headers).get_json()
    assert client.post("/v1/jobs", json={"image_url": URL}, headers=headers).get_json()["id"] == first["id"]
    other = client.post("/v1/jobs", json={"image_url": URL + "0"}, headers=headers)
    assert other.get_json()["code"] == "idempotency_conflict"


def test_more_photos_than_a_call_takes_are_refused(
    open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient]
) -> None:
    client = make_client(open_app(max_batch_photos=1), "shop")
    answer = client.post("/v1/batches", json={"photos": [{"image_url": URL}] * 2})
    assert answer.get_json()["code"] == "too_many_photos"
