from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import event, text

from api.core.services import Services as ApiServices
from db.core import queues
from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.jobs.tables import Job
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.tables import ModelVersion
from tests.support.factories.actors import TEST
from tests.support.factories.model_versions import make_manifest
from tests.support.scraping import find, read, scrape
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
    assert read(samples, "emoscope_oldest_queued_seconds") > 0
    assert find(samples, "emoscope_part_up", part="database") == 1
    waiting = read(samples, "emoscope_recent_job_seconds", phase="waiting", quantile="0.95")
    running = read(samples, "emoscope_recent_job_seconds", phase="running", quantile="0.95")
    assert read(samples, "emoscope_recent_job_seconds", phase="total", quantile="0.99") >= max(waiting, running)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_children_that_keep_an_older_model_are_counted(
    app: APIFlask, worker: Any, champion: ModelVersion, database: Database
) -> None:
    worker.report(WorkerState.READY)
    assert find(scrape(app), "emoscope_workers_behind") == 0
    with database.write() as session:
        second = model_versions.add_version(session, "second", "e" * 64, make_manifest())
        third = model_versions.add_version(session, "third", "f" * 64, make_manifest())
        model_versions.promote(session, second, TEST, "for the test")
        shadow.start_shadow(session, third, TEST, "for the test")
    samples = scrape(app)
    assert find(samples, "emoscope_workers_behind") == 1
    assert find(samples, "emoscope_challenger_number") == third.number


def test_a_part_that_is_down_is_said_to_be(open_app: Callable[..., APIFlask]) -> None:
    samples = scrape(open_app(redis_url="redis://127.0.0.1:1/0"))
    assert find(samples, "emoscope_part_up", part="queue") == 0
    assert find(samples, "emoscope_part_up", part="database") == 1
    assert find(samples, "emoscope_queue_messages", queue="analysis") is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_scrape_costs_the_same_whatever_has_ended(
    app: APIFlask, submit: Callable[..., str], worker: Any, services: ApiServices
) -> None:
    """Counted in steps of SQLite's machine, which are the same at each run: 2,000 ended jobs, and thirty times as many."""
    worker.analyze(submit())
    submit()
    copy_ended_jobs(services.database, 0, 2_000)
    scrape(app)
    few = count_steps(services.database, lambda: scrape(app))
    copy_ended_jobs(services.database, 2_000, 60_000)
    many = count_steps(services.database, lambda: scrape(app))
    assert few > 1_000
    assert abs(many - few) < 0.02 * few, f"{few} steps, then {many}"


def copy_ended_jobs(database: Database, first: int, end: int) -> None:
    """Copies of the ended job, made long ago, with numbers from `first` to before `end`."""
    others = ", ".join(f'"{column.key}"' for column in Job.__table__.columns if column.key != "id")
    numbers = (
        f"(WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {end}) SELECT i FROM n)"
    )
    with database.write() as session:
        session.execute(
            text(
                f"INSERT INTO jobs (id, {others}) SELECT printf('0197a2b45f3e7000%016x', i), {others} FROM {numbers}, "
                "(SELECT * FROM jobs WHERE status = 'succeeded' LIMIT 1)"
            )
        )


def count_steps(database: Database, do: Callable[[], object]) -> int:
    """Instructions of SQLite's machine that something takes, in hundreds."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 100
        return 0

    def begin(connection: Any, _record: object, _proxy: object) -> None:
        connection.set_progress_handler(count, 100)

    def end(connection: Any, _record: object) -> None:
        connection.set_progress_handler(None, 0)

    event.listen(database.engine, "checkout", begin)
    event.listen(database.engine, "checkin", end)
    do()
    event.remove(database.engine, "checkout", begin)
    event.remove(database.engine, "checkin", end)
    return steps
