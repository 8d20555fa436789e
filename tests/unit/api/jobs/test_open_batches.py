"""Batches: open, listed, waited for, canceled, retried, erased."""

import io
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from api.core.services import Services
from db.jobs import batches
from db.jobs.tables import Batch
from worker.housekeeping import sweeper


def make_form(*photos: bytes, **fields: str) -> dict[str, Any]:
    return {"image": [(io.BytesIO(data), f"{place}.jpg") for place, data in enumerate(photos)], **fields}


@pytest.fixture
def batch(client: FlaskClient) -> dict[str, Any]:
    answer = client.post("/v1/batches", json={"open": True})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def add(client: FlaskClient, batch: dict[str, Any], *photos: bytes, key: str | None = None) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(f"{batch['url']}/photos", data=make_form(*photos), headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_an_open_batch_takes_photos_in_many_calls_until_it_is_closed(
    client: FlaskClient, batch: dict[str, Any], photo: bytes, worker: Any
) -> None:
    assert (batch["is_open"], batch["is_done"], batch["counts"]["total"]) == (True, False, 0)
    first = add(client, batch, photo, b"text")
    second = add(client, batch, photo)
    assert [each["position"] for each in first["photos"]] == [0, 1]
    assert [(each["position"], each["state"]) for each in second["photos"]] == [(2, "queued")]
    assert second["counts"] | {"running": 0} == {
        "total": 3,
        "queued": 2,
        "running": 0,
        "succeeded": 0,
        "failed": 0,
        "canceled": 0,
        "refused": 1,
    }
    for job_id in (first["photos"][0]["job_id"], second["photos"][0]["job_id"]):
        worker.analyze(job_id, worker.see())
    idle = client.get(batch["url"]).get_json()
    assert (idle["counts"]["succeeded"], idle["is_done"]) == (2, False)
    closed = client.post(f"{batch['url']}/close").get_json()
    assert (closed["is_open"], closed["is_done"], closed["left_s"]) == (False, True, None)
    assert closed["finished_at"] is not None
    assert closed["photos_per_s"] > 0
    refused = client.post(f"{batch['url']}/photos", data=make_form(photo))
    assert (refused.status_code, refused.get_json()["code"]) == (409, "batch_closed")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_repeated_call_adds_nothing(client: FlaskClient, batch: dict[str, Any], photo: bytes) -> None:
    add(client, batch, photo, key="k")
    again = add(client, batch, photo, key="k")
    assert (again["counts"]["total"], again["photos"]) == (1, [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_photos_are_read_in_pages_with_refused_ones_in_their_places(
    client: FlaskClient, batch: dict[str, Any], photo: bytes
) -> None:
    add(client, batch, photo, b"text", photo)
    page = client.get(f"{batch['url']}/photos?limit=2").get_json()
    assert [each["state"] for each in page["items"]] == ["queued", "refused"]
    rest = client.get(page["next"]).get_json()
    assert ([each["position"] for each in rest["items"]], rest["next"]) == ([2], None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_batches_are_listed_newest_first_each_for_its_application(
    client: FlaskClient, other_client: FlaskClient, photo: bytes
) -> None:
    made = [client.post("/v1/batches", data=make_form(photo)).get_json()["id"] for _ in range(3)]
    page = client.get("/v1/batches?limit=2").get_json()
    assert [each["id"] for each in page["items"]] == made[:0:-1]
    assert page["items"][0]["counts"]["queued"] == 1
    assert [each["id"] for each in client.get(page["next"]).get_json()["items"]] == made[:1]
    assert other_client.get("/v1/batches").get_json()["items"] == []
    assert other_client.get("/v1/batches?application=all").status_code == 403


def test_prefer_wait_answers_when_the_batch_is_done(
    client: FlaskClient, photo: bytes, worker: Any, services: Services
) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.post, "/v1/batches", data=make_form(photo), headers={"Prefer": "wait=30"})
        while not (items := client.get("/v1/jobs").get_json()["items"]):
            pass
        worker.analyze(items[0]["id"], worker.see())
        answer = waiting.result(timeout=30)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=30")
    assert answer.get_json()["counts"]["succeeded"] == 1


def test_canceling_a_batch_closes_it_and_withdraws_what_has_not_ended(
    client: FlaskClient, batch: dict[str, Any], photo: bytes, worker: Any
) -> None:
    photos = add(client, batch, photo, photo, photo)["photos"]
    worker.analyze(photos[0]["job_id"], worker.see())
    claim = worker.claim(photos[1]["job_id"])
    answer = client.post(f"{batch['url']}/cancel").get_json()
    assert (answer["counts"]["succeeded"], answer["counts"]["canceled"]) == (1, 2)
    assert (answer["is_open"], answer["is_done"]) == (False, True)
    assert client.get(f"/v1/jobs/{claim.job_id}").get_json()["status"] == "canceled"


def test_failed_photos_are_retried_in_their_places(
    client: FlaskClient, photo: bytes, worker: Any, services: Services
) -> None:
    made = client.post("/v1/batches", data=make_form(photo, photo)).get_json()
    first, second = (each["job_id"] for each in made["photos"])
    worker.fail(worker.claim(first), "time_limit")
    worker.analyze(second, worker.see())
    assert client.get(made["url"]).get_json()["finished_at"] is not None
    retried = client.post(f"{made['url']}/retry").get_json()
    assert (retried["submitted"], retried["gone"], retried["left"]) == (1, 0, 0)
    assert (retried["batch"]["is_done"], retried["batch"]["finished_at"]) == (False, None)
    photos = client.get(made["url"]).get_json()["photos"]
    assert [(each["position"], each["state"]) for each in photos] == [(0, "queued"), (1, "succeeded")]
    assert photos[0]["job_id"] != first
    worker.analyze(photos[0]["job_id"], worker.see())
    done = client.get(made["url"]).get_json()
    assert (done["counts"]["succeeded"], done["counts"]["failed"], done["counts"]["total"]) == (2, 0, 2)
    assert client.get(f"/v1/jobs/{first}").get_json()["batch_id"] is None


def test_what_is_retried_after_its_batch_was_canceled_goes_on(
    client: FlaskClient, photo: bytes, worker: Any, services: Services
) -> None:
    made = client.post("/v1/batches", data=make_form(photo, photo)).get_json()
    worker.fail(worker.claim(made["photos"][0]["job_id"]), "time_limit")
    assert client.post(f"{made['url']}/cancel").get_json()["counts"]["canceled"] == 1
    assert client.post(f"{made['url']}/retry").get_json()["submitted"] == 1
    sweeping: Any = SimpleNamespace(database=services.database, blobs=services.blobs, announce=lambda _batch_id: None)
    sweeper.look_after_batches(sweeping)
    counts = client.get(made["url"]).get_json()["counts"]
    assert (counts["queued"], counts["canceled"]) == (1, 1)
    client.post(f"{made['url']}/cancel")
    assert client.get(made["url"]).get_json()["counts"]["canceled"] == 2


def test_erasing_a_batch_takes_its_jobs_and_photos_with_it(
    client: FlaskClient, other_client: FlaskClient, photo: bytes, services: Services
) -> None:
    made = client.post("/v1/batches", data=make_form(photo, b"text")).get_json()
    job_id = made["photos"][0]["job_id"]
    assert other_client.delete(made["url"]).status_code == 404
    assert client.delete(made["url"]).status_code == 204
    assert client.get(made["url"]).status_code == 404
    assert client.get(f"/v1/jobs/{job_id}").status_code == 404
    assert not services.blobs.has(f"photos/{job_id}")


def test_an_erased_job_is_no_longer_counted(client: FlaskClient, photo: bytes, worker: Any) -> None:
    made = client.post("/v1/batches", data=make_form(photo, photo)).get_json()
    first, second = (each["job_id"] for each in made["photos"])
    worker.analyze(first, worker.see())
    client.delete(f"/v1/jobs/{first}")
    counts = client.get(made["url"]).get_json()["counts"]
    assert (counts["total"], counts["succeeded"], counts["queued"]) == (1, 0, 1)
    client.delete(f"/v1/jobs/{second}")
    assert client.get(made["url"]).get_json()["counts"]["total"] == 0


def test_workers_that_end_at_once_lose_no_count_and_finish_the_batch_once(
    client: FlaskClient, photo: bytes, worker: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished: list[UUID] = []
    monkeypatch.setattr(batches, "record_batch_finished", lambda _session, batch, _progress: finished.append(batch.id))
    made = client.post("/v1/batches", data=make_form(*[photo] * 12)).get_json()
    claims = [worker.claim(each["job_id"]) for each in made["photos"]]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(worker.finish, claims))
    assert client.get(made["url"]).get_json()["counts"]["succeeded"] == 12
    assert finished == [UUID(made["id"])]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_batch_has_an_end(client: FlaskClient, batch: dict[str, Any], photo: bytes, services: Services) -> None:
    with services.database.write() as session:
        session.get_one(Batch, UUID(batch["id"])).photo_count = batches.MOST_PHOTOS - 1
    answer = client.post(f"{batch['url']}/photos", data=make_form(photo, photo))
    assert (answer.status_code, answer.get_json()["code"]) == (422, "batch_full")
    assert not list(services.blobs.list_older("photos", -10))
