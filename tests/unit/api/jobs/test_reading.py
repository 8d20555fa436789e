import io
from collections.abc import Callable
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.support.databases import only_sqlite


@only_sqlite
@pytest.mark.parametrize(
    "prefer",
    [
        "Wait=7",
        "WAIT = 7",
        'wait="7"',
        "wait=7; strictly",
        "respond-async; now, wait=7",
        'handling="lenient, wait=9", wait=7',
        "wait=7, wait=9",
    ],
)
def test_a_preference_is_understood_however_it_is_written(
    client: FlaskClient, photo: bytes, worker: Any, prefer: str
) -> None:
    headers = {"Idempotency-Key": "again"}
    job_id = client.post("/v1/jobs", data=photo, headers=headers).get_json()["id"]
    worker.analyze(job_id)
    answer = client.post("/v1/jobs", data=photo, headers={**headers, "Prefer": prefer})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=7")


@only_sqlite
def test_no_wait_is_longer_than_the_service_allows(
    open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient], photo: bytes
) -> None:
    client = make_client(open_app(max_wait_s=0.05), "shop")
    started = monotonic()
    job = client.post("/v1/jobs", data=photo, headers={"Prefer": "wait=60"})
    batch = client.post("/v1/batches", data={"image": [(io.BytesIO(photo), "a.jpg")]}).get_json()
    read = [client.get(f"{url}?wait=60") for url in (job.location, batch["url"])]
    assert [answer.status_code for answer in (job, *read)] == [202, 200, 200]
    assert monotonic() - started < 30


@only_sqlite
@pytest.mark.parametrize("prefer", ["wait=soon", "wait", "wait=-1", "handling=lenient", "wait=99999999", '"'])
def test_a_preference_that_cannot_be_understood_is_none(client: FlaskClient, photo: bytes, prefer: str) -> None:
    assert client.post("/v1/jobs", data=photo, headers={"Prefer": prefer}).status_code == 202


@only_sqlite
@pytest.mark.parametrize("wait", ["-1", "soon", "nan", "inf"])
def test_a_wait_that_is_no_time_is_refused(client: FlaskClient, wait: str) -> None:
    response = client.get(f"/v1/jobs/{uuid4()}?wait={wait}")
    assert response.get_json()["errors"][0]["field"] == "wait"
