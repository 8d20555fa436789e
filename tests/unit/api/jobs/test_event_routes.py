"""A job's events over HTTP."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient


def test_every_move_of_a_job_is_told_in_order(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    job_id = submit()
    worker.analyze(job_id)
    items = client.get(f"/v1/jobs/{job_id}/events").get_json()["items"]
    moves = [(item["from_status"], item["to_status"], item["attempt"]) for item in items]
    assert moves == [(None, "queued", 0), ("queued", "running", 1), ("running", "succeeded", 1)]
    actors = [(item["actor_kind"], item["actor"]) for item in items]
    assert actors == [("application", "application:shop"), ("worker", worker.name), ("worker", worker.name)]
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)


def test_another_applications_events_are_not_found(submit: Callable[..., str], other_client: FlaskClient) -> None:
    answer = other_client.get(f"/v1/jobs/{submit()}/events")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
