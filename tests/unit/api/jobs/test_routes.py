"""Jobs over HTTP, with a simulated worker."""

import io
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.core.services import Services
from db.core import queues
from db.core.blobs import BlobStore, make_photo_key
from db.core.vocabulary import Emotion
from db.jobs import queries as job_queries
from emoscope.settings import Settings
from tests.support.databases import only_sqlite


def test_submitting_a_body_stores_the_photo_the_row_and_the_message(
    client: FlaskClient, photo: bytes, blob_store: BlobStore, services: Services, valkey: Any
) -> None:
    response = client.post("/v1/jobs", data=photo)
    job = response.get_json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/v1/jobs/{job['id']}" == job["url"]
    assert response.headers["Retry-After"] == "1"
    assert job["status"] == "queued"
    assert job["faces"] == []
    assert (job["photo"]["width"], job["photo"]["height"]) == (64, 48)
    assert job["photo"]["media_type"] == "image/jpeg"
    assert blob_store.get(make_photo_key(UUID(job["id"])), job["photo"]["sha256"]) == photo
    with services.database.read() as session:
        assert job_queries.get_job(session, UUID(job["id"])) is not None
    [message] = valkey.client().lrange(queues.ANALYSIS_QUEUE, 0, -1)
    assert job["id"] in message.decode()


def test_the_answer_to_a_submission_is_the_job_as_it_is_read(client: FlaskClient, photo: bytes) -> None:
    """It is made from what was stored, without a look at the database."""
    options = {"detector": "hog", "min_face_px": "40", "priority": "bulk", "deadline_s": "60", "photo_retention_s": "5"}
    for answer in (
        client.post("/v1/jobs", data=photo),
        client.post("/v1/jobs", data={"image": (io.BytesIO(photo), "team.jpg"), **options}),
        client.post("/v1/jobs", json={"image_url": "https://example.com/team.jpg", "filename": "team.jpg"}),
    ):
        read = client.get(answer.headers["Location"])
        assert (answer.get_json(), answer.headers["ETag"]) == (read.get_json(), read.headers["ETag"])


def test_a_form_gives_the_photo_its_name_and_the_job_its_options(
    client: FlaskClient, photo: bytes, valkey: Any
) -> None:
    form = {
        "image": (io.BytesIO(photo), "../holiday/team.jpg"),
        "detector": "hog",
        "min_face_px": "40",
        "priority": "bulk",
        "deadline_s": "60",
    }
    job = client.post("/v1/jobs", data=form).get_json()
    assert job["photo"]["filename"] == "team.jpg"
    assert (job["detector"], job["min_face_px"], job["priority"]) == ("hog", 40, "bulk")
    assert job["deadline_at"] is not None
    assert valkey.client().llen(queues.BULK_QUEUE) == 1


@only_sqlite
def test_a_deadline_never_lies_before_the_submission(client: FlaskClient, photo: bytes) -> None:
    job = client.post("/v1/jobs?deadline_s=0.001", data=photo).get_json()
    assert job["created_at"] < job["deadline_at"]


@only_sqlite
def test_a_queue_that_is_down_loses_no_job(
    open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient], photo: bytes
) -> None:
    client = make_client(open_app(redis_url="redis://127.0.0.1:1/0"), "shop")
    response = client.post("/v1/jobs", data=photo)
    assert response.status_code == 202
    assert client.get(response.headers["Location"]).get_json()["status"] == "queued"


def test_a_full_queue_refuses_with_a_time_to_come_back(
    open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient], photo: bytes
) -> None:
    client = make_client(open_app(max_queued_jobs=1), "shop")
    assert client.post("/v1/jobs", data=photo).status_code == 202
    response = client.post("/v1/jobs", data=photo)
    assert response.status_code == 429
    assert response.get_json()["code"] == "queue_full"
    assert int(response.headers["Retry-After"]) > 0


def test_an_analysed_job_shows_its_faces(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see(Emotion.SAD, 0.7), worker.see(Emotion.HAPPY, 0.3, (40, 4, 10, 12)))
    job = client.get(f"/v1/jobs/{job_id}").get_json()
    assert job["status"] == "succeeded"
    assert job["face_count"] == 2
    sad, happy = job["faces"]
    assert sad["emotion"] == "sad"
    assert sad["confidence"] == pytest.approx(0.7)
    assert sad["margin"] == pytest.approx(0.65)
    assert sad["uncertain"] is False
    assert happy["uncertain"] is True
    assert happy["bounding_box"] == {"x": 40, "y": 4, "width": 10, "height": 12}
    assert sum(sad["probabilities"].values()) == pytest.approx(1)
    assert list(sad["probabilities"]) == [emotion.value for emotion in Emotion]
    assert sad["model_version"] == 1
    assert job["timings_ms"] == {"detect": 1.0}
    assert job["photo"]["available_until"] > job["finished_at"]


def test_a_photo_without_faces_succeeds_with_none(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    job_id = submit()
    worker.analyze(job_id)
    job = client.get(f"/v1/jobs/{job_id}").get_json()
    assert (job["status"], job["faces"], job["face_count"]) == ("succeeded", [], 0)


def test_a_failed_job_says_why(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    job_id = submit()
    worker.fail(worker.claim(job_id), "broken_picture")
    job = client.get(f"/v1/jobs/{job_id}").get_json()
    assert job["status"] == "failed"
    assert job["error"] == {"code": "broken_picture", "detail": "it went wrong"}


def test_prefer_wait_answers_with_the_result(client: FlaskClient, photo: bytes, worker: Any, valkey: Any) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(client.post, "/v1/jobs", data=photo, headers={"Prefer": "respond-async, wait=60"})
        _, message = valkey.client().blpop([queues.ANALYSIS_QUEUE], timeout=20)
        worker.analyze(json.loads(message)["headers"]["id"], worker.see())
        response = answer.result(timeout=30)  # woken, or it would last a minute
    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "wait=60"
    assert response.get_json()["faces"][0]["emotion"] == "happy"


@only_sqlite
def test_prefer_wait_answers_202_when_the_time_is_over(client: FlaskClient, photo: bytes) -> None:
    response = client.post("/v1/jobs", data=photo, headers={"Prefer": "wait=1"})
    assert response.status_code == 202
    assert "Preference-Applied" not in response.headers


def test_wait_holds_a_request_until_the_status_changes(
    app: APIFlask, client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    job_id = submit()
    with ThreadPoolExecutor() as pool:

        def wait_for_change(etag: str) -> "Future[Any]":
            return pool.submit(client.get, f"/v1/jobs/{job_id}?wait=60", headers={"If-None-Match": etag})

        waiting = wait_for_change(client.get(f"/v1/jobs/{job_id}").headers["ETag"])
        claim = worker.claim(job_id)
        running = waiting.result(timeout=30)  # woken, or it would last a minute
        assert running.get_json()["status"] == "running"
        waiting = wait_for_change(running.headers["ETag"])
        worker.finish(claim)
        assert waiting.result(timeout=30).get_json()["status"] == "succeeded"


def test_an_etag_saves_what_has_not_changed(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    job_id = submit()
    first = client.get(f"/v1/jobs/{job_id}")
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get(f"/v1/jobs/{job_id}", headers=known).status_code == 304
    weak = {"If-None-Match": f"W/{first.headers['ETag']}"}
    same = client.get(f"/v1/jobs/{job_id}?wait=0.05", headers=weak)
    assert (same.status_code, same.data) == (304, b"")
    worker.claim(job_id)
    assert client.get(f"/v1/jobs/{job_id}", headers=known).status_code == 200


def test_listing_pages_through_all_jobs_once(client: FlaskClient, submit: Callable[..., str]) -> None:
    made = [submit() for _ in range(5)]
    seen, url = [], "/v1/jobs?limit=2&status=queued"
    while url:
        response = client.get(url)
        page = response.get_json()
        seen += [job["id"] for job in page["items"]]
        assert response.headers.get("Link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
        url = page["next"]
    assert seen == made[::-1]


def test_listing_filters(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    waiting, done, broken = submit(), submit(), submit()
    worker.analyze(done, worker.see(Emotion.FEARFUL))
    worker.fail(worker.claim(broken), "broken_picture")
    now = datetime.now(UTC)
    soon = (now + timedelta(hours=1)).isoformat().replace("+", "%2B")
    expected = {
        "status=queued": [waiting],
        "status=failed": [broken],
        "error_code=broken_picture": [broken],
        "error_code=worker_lost": [],
        "application=shop": [broken, done, waiting],
        "emotion=fearful": [done],
        "emotion=angry": [],
        f"created_from={soon}": [],
        f"created_before={soon}": [broken, done, waiting],
        f"batch={uuid4()}": [],
    }
    for query, ids in expected.items():
        assert [job["id"] for job in client.get(f"/v1/jobs?{query}").get_json()["items"]] == ids, query


@only_sqlite
@pytest.mark.parametrize(
    "query",
    ["status=done", "emotion=proud", "limit=0", "limit=1000", "cursor=x", "created_from=2026-01-01T00:00:00", "sort=up",
     "created_from=0001-01-01T00:00:00%2B23:59"],
)  # fmt: skip
def test_listing_refuses_a_filter_that_means_nothing(client: FlaskClient, query: str) -> None:
    response = client.get(f"/v1/jobs?{query}")
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == query.partition("=")[0]


def test_canceling_ends_a_job_and_wakes_who_waits(client: FlaskClient, submit: Callable[..., str]) -> None:
    job_id = submit()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, f"/v1/jobs/{job_id}?wait=60")
        canceled = client.post(f"/v1/jobs/{job_id}/cancel")
        assert canceled.get_json()["status"] == "canceled"
        assert waiting.result(timeout=30).get_json()["status"] == "canceled"  # woken, or it would last a minute


def test_canceling_a_job_that_has_ended_is_a_conflict(
    client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    job_id = submit()
    worker.analyze(job_id)
    response = client.post(f"/v1/jobs/{job_id}/cancel")
    assert response.status_code == 409
    assert response.get_json()["code"] == "invalid_transition"


def test_erasing_leaves_nothing(
    client: FlaskClient, submit: Callable[..., str], worker: Any, blob_store: BlobStore, services: Services
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see())
    crop_url = client.get(f"/v1/jobs/{job_id}").get_json()["faces"][0]["crop_url"]
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert client.get(f"/v1/jobs/{job_id}").status_code == 404
    assert client.get(crop_url).status_code == 404
    assert not blob_store.has(make_photo_key(UUID(job_id)))
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 404


def test_erasing_a_running_job_leaves_its_worker_without_a_claim(
    client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    from db.jobs.states import InvalidTransition

    job_id = submit()
    claim = worker.claim(job_id)
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 204
    with pytest.raises(InvalidTransition):
        worker.finish(claim, worker.see())


@only_sqlite
def test_an_erasure_that_fails_can_be_repeated(
    client: FlaskClient, submit: Callable[..., str], settings: Settings
) -> None:
    job_id = submit()
    photos = settings.data_dir.parent / "blobs" / "photos"
    kept = photos.rename(photos.with_name("kept"))
    photos.write_text("not a folder")
    assert client.delete(f"/v1/jobs/{job_id}").get_json()["code"] == "blob_store_unavailable"
    assert client.get(f"/v1/jobs/{job_id}").status_code == 200
    photos.unlink()
    kept.rename(photos)
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 204


def test_another_applications_job_is_not_found(
    client: FlaskClient, other_client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see())
    crop_url = client.get(f"/v1/jobs/{job_id}").get_json()["faces"][0]["crop_url"]
    for method, url in [
        ("GET", f"/v1/jobs/{job_id}"),
        ("GET", f"/v1/jobs/{job_id}?wait=20"),
        ("POST", f"/v1/jobs/{job_id}/cancel"),
        ("POST", f"/v1/jobs/{job_id}/retry"),
        ("DELETE", f"/v1/jobs/{job_id}"),
        ("GET", f"/v1/jobs/{job_id}/image"),
        ("GET", f"/v1/jobs/{job_id}/annotated"),
        ("GET", crop_url),
    ]:
        response = other_client.open(url, method=method)
        assert response.status_code == 404, url
        assert response.get_json()["code"] == "not_found"
    assert other_client.get("/v1/jobs").get_json()["items"] == []


@only_sqlite
def test_a_blob_store_that_is_down_accepts_nothing(client: FlaskClient, photo: bytes, settings: Settings) -> None:
    (settings.data_dir.parent / "blobs" / "photos").write_text("not a folder")
    response = client.post("/v1/jobs", data=photo)
    assert response.status_code == 503
    assert response.get_json()["code"] == "blob_store_unavailable"
    assert str(settings.data_dir.parent) not in response.text
    assert client.get("/v1/jobs").get_json()["items"] == []
