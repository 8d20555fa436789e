from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from db.core import queues
from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.tables import ModelVersion
from tests.support.scraping import find, scrape
from worker.core.services import Services


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
