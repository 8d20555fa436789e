"""The dashboard's figures over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apiflask import APIFlask
from flask.testing import FlaskClient

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, Scope, WorkerState
from db.faces.hourly_counts import count_in
from tests.support.factories.accounts import add_key
from tests.support.played_worker import PlayedWorker


@dataclass
class StoredFace:
    """What is counted of a face."""

    created_at: datetime
    emotion: Emotion
    confidence: float
    face_px: int


def test_it_tells_what_came_failed_and_was_seen(
    admin: FlaskClient, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    for emotion in (Emotion.HAPPY, Emotion.HAPPY, Emotion.SAD):
        worker.analyze(submit(), worker.see(emotion, 0.7))
    worker.fail(worker.claim(submit()), "broken_picture")
    waiting = submit()
    worker.report(WorkerState.READY)
    shown = admin.get("/v1/dashboard").get_json()
    assert shown["jobs"] == {"queued": 1, "running": 0, "succeeded": 3, "failed": 1, "canceled": 0}
    assert shown["oldest_queued_at"] == admin.get(f"/v1/jobs/{waiting}").get_json()["created_at"]
    assert (shown["champion"], len(shown["minutes"]), len(shown["hours"])) == (1, 60, 48)
    assert [(each["state"], each["model_version"]) for each in shown["workers"]] == [("ready", 1)]
    assert [(each["error_code"], each["jobs"]) for each in shown["failures"]] == [("broken_picture", 1)]
    assert sum(each["succeeded"] for each in shown["minutes"]) == 3
    assert sum(each["failed"] for each in shown["minutes"]) == 1
    seen = [each for each in shown["hours"] if each["faces"]]
    assert sum(each["emotions"]["happy"] for each in seen) == 2
    assert all(abs(each["mean_confidence"] - 0.7) < 1e-6 for each in seen)
    assert shown["job_seconds"]["sample"] == 3
    assert 0 <= shown["job_seconds"]["total"]["p50"] <= shown["job_seconds"]["total"]["p99"]
    begins = datetime.fromisoformat(shown["minutes"][0]["minute"])
    assert timedelta(minutes=59) <= datetime.now(UTC) - begins < timedelta(minutes=62)


def test_a_face_of_a_later_hour_by_a_clock_that_is_ahead_waits_for_it(admin: FlaskClient, database: Database) -> None:
    ahead = StoredFace(utcnow() + timedelta(hours=2), Emotion.SAD, 0.5, 60)
    with database.write() as session:
        count_in(session, [ahead])
    hours = admin.get("/v1/dashboard").get_json()["hours"]
    assert (len(hours), sum(each["faces"] for each in hours)) == (48, 0)


def test_a_service_that_has_done_nothing_has_figures_too(admin: FlaskClient) -> None:
    shown = admin.get("/v1/dashboard").get_json()
    assert (shown["champion"], shown["job_seconds"], shown["jobs_a_minute"], shown["failures"]) == (None, None, 0, [])
    assert {each["mean_confidence"] for each in shown["hours"]} == {None}


def test_a_key_needs_a_scope_that_sees_every_application(
    app: APIFlask, client: FlaskClient, database: Database
) -> None:
    assert client.get("/v1/dashboard").get_json()["code"] == "scope_missing"
    key = add_key(database, "desk", [Scope.REVIEW])
    assert app.test_client().get("/v1/dashboard", headers={"Authorization": f"Bearer {key}"}).status_code == 200
