"""Retries over the API."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from tests.support.databases import only_sqlite


@only_sqlite
def test_a_retry_is_a_new_job_at_its_own_address(
    client: FlaskClient, other_client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    first = submit(priority="bulk", deadline_s=60)
    worker.fail(worker.claim(first), "internal_error")
    answer = client.post(f"/v1/jobs/{first}/retry")
    again = answer.get_json()
    assert (answer.status_code, again["status"], again["priority"], again["deadline_at"]) == (
        202,
        "queued",
        "bulk",
        None,
    )
    assert answer.headers["Location"].endswith(again["url"])
    assert again["id"] != first
    assert other_client.post(f"/v1/jobs/{first}/retry").status_code == 404


@only_sqlite
def test_without_its_photo_a_job_is_gone(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    job_id = submit(photo_retention_s=0)
    worker.analyze(job_id)
    answer = client.post(f"/v1/jobs/{job_id}/retry")
    assert (answer.status_code, answer.get_json()["code"]) == (410, "photo_gone")
