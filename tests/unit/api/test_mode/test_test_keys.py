"""Test keys: the same API, answered without a worker and apart from all that is real."""

import json
from io import BytesIO
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from api.core.services import Services
from db.core import queues
from db.core.session import Database
from db.jobs.queries import count_jobs
from db.tables import Face, Job, ReviewItem
from db.webhooks.tables import WebhookEvent
from tests.support.factories.accounts import open_client_with_key
from tests.support.factories.photos import make_photo


@pytest.fixture
def tester(admin: FlaskClient, app: APIFlask) -> FlaskClient:
    """A client of the application `shop` with a test key."""
    key = admin.post("/v1/keys", json={"application": "shop", "is_test": True}).get_json()["key"]
    assert key.startswith("emo_test_")
    return open_client_with_key(app, key)


def analyze(tester: FlaskClient, photo: bytes, scenario: str | None = None) -> dict[str, object]:
    headers = {"Prefer": "wait=20"} | ({} if scenario is None else {"Emoscope-Test": scenario})
    answer = tester.post("/v1/jobs", data=photo, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def list_emotions(job: dict[str, Any]) -> list[str]:
    return [face["emotion"] for face in job["faces"]]


def test_a_photo_is_answered_without_a_worker_and_always_the_same(
    tester: FlaskClient,
) -> None:
    photos = [make_photo(colour=colour) for colour in ("navy", "red", "lime", "gold")]
    first = [list_emotions(analyze(tester, photo)) for photo in photos]
    assert first == [list_emotions(analyze(tester, photo)) for photo in photos]
    assert len({len(emotions) for emotions in first}) > 1


def test_a_header_chooses_the_answer(tester: FlaskClient, photo: bytes) -> None:
    assert list_emotions(analyze(tester, photo, "faces=happy,sad")) == ["happy", "sad"]
    assert list_emotions(analyze(tester, photo, "faces=")) == []
    failed = analyze(tester, photo, "failed=broken_picture")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "broken_picture")  # type: ignore[index]


def test_failures_come_on_demand(tester: FlaskClient, photo: bytes) -> None:
    for code, status in (("queue_full", 429), ("database_unavailable", 503), ("photo_too_large", 413)):
        answer = tester.post("/v1/jobs", data=photo, headers={"Emoscope-Test": f"error={code}"})
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    for nonsense in ("faces=grumpy", "error=no_such_code", "please", "slow=ever"):
        answer = tester.post("/v1/jobs", data=photo, headers={"Emoscope-Test": nonsense})
        assert answer.get_json()["code"] == "invalid_request"


def test_a_job_that_waits_for_ever_can_be_canceled(tester: FlaskClient, photo: bytes) -> None:
    made = tester.post("/v1/jobs", data=photo, headers={"Emoscope-Test": "never"}).get_json()
    assert made["status"] == "queued"
    assert tester.post(f"/v1/jobs/{made['id']}/cancel").get_json()["status"] == "canceled"


def test_nothing_of_a_test_is_among_what_is_real(
    tester: FlaskClient, client: FlaskClient, admin: FlaskClient, services: Services, database: Database, photo: bytes
) -> None:
    client.post("/v1/webhooks", json={"url": "https://example.com/", "events": ["job.succeeded"]})
    real = client.post("/v1/jobs", data=photo).get_json()["id"]
    before = services.redis.llen(queues.ANALYSIS_QUEUE)
    job = analyze(tester, photo, "faces=happy")
    assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert tester.get(f"/v1/jobs/{real}").status_code == 404
    assert [each["id"] for each in admin.get("/v1/jobs?application=all").get_json()["items"]] == [real]
    assert [each["id"] for each in tester.get("/v1/jobs").get_json()["items"]] == [job["id"]]
    assert services.redis.llen(queues.ANALYSIS_QUEUE) == before
    with database.read() as session:
        assert sum(count_jobs(session).values()) == 1
        for table in (Face, ReviewItem, WebhookEvent):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_the_rest_of_the_api_is_there_too(tester: FlaskClient, photo: bytes) -> None:
    job = analyze(tester, photo, "faces=happy")
    path = f"/v1/jobs/{job['id']}"
    assert tester.get(f"{path}/image").data == photo
    assert tester.get(job["faces"][0]["crop_url"]).mimetype == "image/png"  # type: ignore[index]
    assert len(tester.get(f"{path}/events").get_json()["items"]) == 3
    assert tester.post(f"{path}/retry").status_code == 202
    images = {"image": [(BytesIO(photo), f"{number}.jpg") for number in range(2)]}
    batch = tester.post("/v1/batches", data=images).get_json()
    done = tester.get(f"/v1/batches/{batch['id']}?wait=20").get_json()
    assert done["counts"]["succeeded"] == 2
    assert tester.delete(path).status_code == 204
    assert tester.get(path).status_code == 404
    assert tester.get("/v1/model-versions/champion").get_json()["name"] == "test"


def test_a_test_key_administers_nothing(admin: FlaskClient, tester: FlaskClient) -> None:
    refused = admin.post("/v1/keys", json={"application": "shop", "is_test": True, "scopes": ["admin"]})
    assert refused.get_json()["code"] == "test_key_scope"
    assert tester.get("/v1/keys").status_code == 403
    answer = tester.post("/v1/webhooks", json={"url": "https://example.com/", "events": ["job.failed"]})
    assert answer.status_code == 403


def test_a_real_key_takes_no_notice_of_the_header(client: FlaskClient, photo: bytes) -> None:
    answer = client.post("/v1/jobs", data=photo, headers={"Emoscope-Test": "error=queue_full"})
    assert answer.status_code == 202


def test_a_photo_by_url_is_answered_without_asking_for_it(tester: FlaskClient) -> None:
    asked = {"json": {"image_url": "https://photos.example/a.jpg"}, "headers": {"Prefer": "wait=20"}}
    first, second = (tester.post("/v1/jobs", **asked).get_json() for _ in range(2))
    assert (first["status"], first["photo"]["width"], first["photo"]["height"]) == ("succeeded", 640, 480)
    assert list_emotions(first) == list_emotions(second)


def test_an_export_is_written_without_a_housekeeper(tester: FlaskClient, photo: bytes) -> None:
    job = analyze(tester, photo, "faces=happy,sad")
    made = tester.post("/v1/exports?rows=jobs&format=jsonl").get_json()
    assert (made["status"], made["row_count"]) == ("succeeded", 1)
    assert json.loads(tester.get(made["file_url"]).text)["job_id"] == job["id"]


def test_a_detector_that_is_missing_is_told_before_the_first_photo(admin: FlaskClient) -> None:
    answer = admin.post("/v1/batches?detector=yunet", json={"open": True})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "detector_unavailable")
