"""Many photos in one call."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import event

from api.core.services import Services
from db.core.session import Database
from db.core.vocabulary import Scope
from tests.support.factories.accounts import add_key
from tests.support.forms import make_form


def test_a_batch_is_done_when_every_job_has_ended(client: FlaskClient, photo: bytes, worker: Any) -> None:
    batch = client.post("/v1/batches", data=make_form(photo, photo)).get_json()
    first, second = (photo["job_id"] for photo in batch["photos"])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, f"{batch['url']}?wait=60")
        worker.analyze(first, worker.see())
        worker.fail(worker.claim(second), "broken_picture")
        done = waiting.result(timeout=30).get_json()  # woken, or it would last a minute
    assert done["is_done"] is True
    assert [photo["state"] for photo in done["photos"]] == ["succeeded", "failed"]
    assert done["photos"][0]["face_count"] == 1
    assert done["photos"][1]["error"]["code"] == "broken_picture"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_while_a_batch_is_waited_for_only_its_jobs_ends_are_asked_for(
    client: FlaskClient, photo: bytes, worker: Any, services: Services
) -> None:
    batch = client.post("/v1/batches", data=make_form(*[photo] * 4)).get_json()
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(services.database.engine, "before_cursor_execute", note)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, f"{batch['url']}?wait=60")
        for each in batch["photos"]:
            worker.analyze(each["job_id"], worker.see(), worker.see())
        done = waiting.result(timeout=30).get_json()
    event.remove(services.database.engine, "before_cursor_execute", note)
    assert [photo["face_count"] for photo in done["photos"]] == [2] * 4
    # photos are read at the end alone, and no job is counted but running ones
    assert len([statement for statement in asked if "ORDER BY jobs.batch_position" in statement]) == 1
    assert not [statement for statement in asked if "WHERE faces.job_id IN" in statement]


def test_waiting_for_a_batch_ends_with_the_time(client: FlaskClient, photo: bytes) -> None:
    batch = client.post("/v1/batches", data=make_form(photo)).get_json()
    assert client.get(f"{batch['url']}?wait=0.05").get_json()["is_done"] is False


def test_another_applications_batch_is_not_found(client: FlaskClient, other_client: FlaskClient, photo: bytes) -> None:
    batch = client.post("/v1/batches", data=make_form(photo)).get_json()
    assert other_client.get(batch["url"]).status_code == 404
    assert client.get(f"/v1/batches/{uuid4()}").status_code == 404


def test_an_administrators_key_reads_every_applications_batches(
    client: FlaskClient, admin: FlaskClient, photo: bytes
) -> None:
    batch = client.post("/v1/batches", data=make_form(photo)).get_json()
    assert admin.get(batch["url"]).get_json() == batch


def test_a_key_that_may_only_administrate_submits_nothing(app: APIFlask, database: Database, photo: bytes) -> None:
    key = add_key(database, "office", {Scope.ADMIN})
    answer = app.test_client().post("/v1/batches", data=make_form(photo), headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")
