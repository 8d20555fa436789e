"""Jobs may use only detectors that a worker has."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.core.session import Database
from db.core.vocabulary import Detector, WorkerState
from db.monitoring.heartbeats import record_heartbeat

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def submit(client: FlaskClient, photo: bytes, detector: str) -> tuple[int, str | None]:
    answer = client.post(f"/v1/jobs?detector={detector}", data=photo)
    return answer.status_code, answer.get_json().get("code")


def test_yunet_is_refused_where_no_weights_are_configured(client: FlaskClient, photo: bytes) -> None:
    assert submit(client, photo, "yunet") == (422, "detector_unavailable")
    form = {"image": [(io.BytesIO(photo), "a.jpg")], "detector": "yunet"}
    batch = client.post("/v1/batches", data=form)
    assert (batch.status_code, batch.get_json()["code"]) == (422, "detector_unavailable")
    assert client.get("/v1/jobs").get_json()["items"] == []


def test_what_the_settings_name_counts_while_no_worker_says(
    open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient], photo: bytes
) -> None:
    client = make_client(open_app(yunet_weights=Path("weights.onnx")), "shop")
    assert submit(client, photo, "yunet") == (202, None)


def test_what_the_workers_say_counts(client: FlaskClient, photo: bytes, database: Database) -> None:
    for name, detectors in (
        ("a:1", [Detector.BLAZEFACE, Detector.YUNET]),
        ("b:2", [Detector.BLAZEFACE]),
        ("c:3", None),
    ):
        with database.write() as session:
            record_heartbeat(session, name, WorkerState.READY, detectors=detectors)
    assert submit(client, photo, "yunet") == (202, None)
    assert submit(client, photo, "hog") == (422, "detector_unavailable")
