from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from api.monitoring.work_metrics import gather_steps
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import TrainingTrigger, WorkerState
from db.monitoring.heartbeats import record_heartbeat
from db.training_runs import lifecycle as training_runs
from db.training_runs.documents import RunProgress
from tests.support.scraping import find, read, scrape

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_steps_are_gathered_by_name_in_seconds() -> None:
    assert gather_steps([{"decode": 10, "detect": 20}, {"decode": 30}]) == {"decode": [0.01, 0.03], "detect": [0.02]}


@ON_SQLITE
def test_the_time_in_each_step_is_told(app: APIFlask, submit: Callable[..., str], worker: Any) -> None:
    assert find(scrape(app), "emoscope_recent_step_seconds", step="detect", quantile="0.5") is None
    worker.analyze(submit())
    worker.analyze(submit())
    found = find(scrape(app), "emoscope_recent_step_seconds", step="detect", quantile="0.5")
    assert found is not None
    assert found >= 0


@ON_SQLITE
def test_a_training_run_shows_how_far_it_is(app: APIFlask, database: Database) -> None:
    samples = scrape(app)
    assert find(samples, "emoscope_training_runs_active", status="running") == 0
    assert find(samples, "emoscope_training_progress") == 0
    with database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.SCHEDULE, Actor.system("beat"))
    assert find(scrape(app), "emoscope_training_runs_active", status="queued") == 1
    with database.write() as session:
        _, claim = training_runs.claim_run(session, run.id, "w:1", 60)
        training_runs.renew_run(session, claim, 60, RunProgress(step="training", epoch=3, epochs=12))
    samples = scrape(app)
    assert find(samples, "emoscope_training_runs_active", status="running") == 1
    assert find(samples, "emoscope_training_progress") == 0.25


@ON_SQLITE
def test_each_process_tells_its_memory(app: APIFlask, database: Database) -> None:
    with database.write() as session:
        record_heartbeat(session, "w:1", WorkerState.READY, memory_bytes=300_000_000)
        record_heartbeat(session, "old:1", WorkerState.READY)
    app.test_client().get("/healthz")
    samples = scrape(app)
    assert find(samples, "emoscope_worker_memory_bytes", worker="w:1") == 300_000_000
    assert find(samples, "emoscope_worker_memory_bytes", worker="old:1") is None
    assert 30_000_000 < read(samples, "emoscope_api_memory_bytes") < 2_000_000_000
