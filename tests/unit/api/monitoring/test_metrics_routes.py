"""Metrics, read as Prometheus reads them."""

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from db.core import queues
from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.tables import ModelVersion
from worker.core.services import Services


def scrape(app: APIFlask) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Value of each sample, by its name and labels."""
    text = app.test_client().get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def find(samples: dict[Any, float], name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def test_requests_are_counted_by_route_and_status(
    app: APIFlask, client: FlaskClient, submit: Callable[..., str]
) -> None:
    job_id = submit()
    for _ in range(2):
        client.get(f"/v1/jobs/{job_id}")
    client.get("/no/such/thing")
    samples = scrape(app)
    route = "/v1/jobs/<uuid:job_id>"
    assert find(samples, "emoscope_http_requests_total", method="GET", route=route, status="200") == 2
    assert find(samples, "emoscope_http_requests_total", method="(any)", route="(none)", status="404") == 1
    assert find(samples, "emoscope_http_request_seconds_count", method="POST", route="/v1/jobs") == 1
    assert not any(job_id in str(key) for key in samples)


def test_the_state_is_asked_at_the_scrape(
    app: APIFlask, submit: Callable[..., str], worker: Any, services: Services
) -> None:
    for _ in range(3):
        worker.analyze(submit())
    submit()
    submit(priority="bulk")
    worker.report(WorkerState.READY)
    assert find(scrape(app), "emoscope_last_sweep_timestamp_seconds") == 0
    services.redis.set(queues.LAST_SWEEP_KEY, 1_800_000_000.5)
    samples = scrape(app)
    assert find(samples, "emoscope_last_sweep_timestamp_seconds") == 1_800_000_000.5
    assert find(samples, "emoscope_jobs", status="queued") == 2
    assert find(samples, "emoscope_recent_jobs", status="succeeded") == 3
    assert find(samples, "emoscope_recent_jobs", status="failed") == 0
    assert find(samples, "emoscope_queue_messages", queue="analysis") == 4
    assert find(samples, "emoscope_queue_messages", queue="analysis-bulk") == 1
    assert find(samples, "emoscope_workers", state="ready") == 1
    assert find(samples, "emoscope_champion_number") == 1
    assert find(samples, "emoscope_oldest_queued_seconds") > 0
    assert find(samples, "emoscope_part_up", part="database") == 1
    waiting = find(samples, "emoscope_recent_job_seconds", phase="waiting", quantile="0.95")
    running = find(samples, "emoscope_recent_job_seconds", phase="running", quantile="0.95")
    assert waiting is not None
    assert running is not None
    assert find(samples, "emoscope_recent_job_seconds", phase="total", quantile="0.99") >= max(waiting, running)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_children_that_keep_an_older_model_are_counted(
    app: APIFlask, worker: Any, champion: ModelVersion, database: Database
) -> None:
    worker.report(WorkerState.READY)
    assert find(scrape(app), "emoscope_workers_behind") == 0
    with database.write() as session:
        second = model_versions.add_version(
            session, "second", "e" * 64, {"schema_version": 2, "architecture": "report"}
        )
        third = model_versions.add_version(session, "third", "f" * 64, {"schema_version": 2, "architecture": "report"})
        model_versions.promote(session, second, "test", "for the test")
        shadow.start_shadow(session, third, "test", "for the test")
    samples = scrape(app)
    assert find(samples, "emoscope_workers_behind") == 1
    assert find(samples, "emoscope_challenger_number") == third.number


def test_a_part_that_is_down_is_said_to_be(open_app: Callable[..., APIFlask]) -> None:
    samples = scrape(open_app(redis_url="redis://127.0.0.1:1/0"))
    assert find(samples, "emoscope_part_up", part="queue") == 0
    assert find(samples, "emoscope_part_up", part="database") == 1
    assert find(samples, "emoscope_queue_messages", queue="analysis") is None


def test_a_request_that_cannot_be_counted_is_answered(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("the metrics folder can't be written")

    monkeypatch.setattr("prometheus_client.Counter.labels", refuse)
    assert app.test_client().get("/healthz").status_code == 200
