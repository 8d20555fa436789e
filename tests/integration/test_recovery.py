"""What must not lose a job: a child killed at work, a queue that comes back empty, a worker that comes back late."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from db.core.vocabulary import JobStatus
from db.jobs import lifecycle as jobs
from tests.support.factories.actors import TEST
from tests.support.fleet import Fleet, run_fleet
from tests.support.waiting import wait_until


@pytest.fixture(scope="module", params=[pytest.param("sqlite", marks=pytest.mark.long), "postgresql"])
def running_fleet(request: pytest.FixtureRequest, short_tmp: Path) -> Iterator[Fleet]:
    is_sqlite = request.param == "sqlite"
    url = "" if is_sqlite else request.getfixturevalue("make_postgresql_database")("recovery")
    with run_fleet(short_tmp / f"recovery-{request.param}", database_url=url) as fleet:
        yield fleet


@pytest.fixture
def fleet(running_fleet: Fleet) -> Iterator[Fleet]:
    """The fleet with its gate shut: the next job that is taken stays in hand until the test opens it."""
    wait_until(running_fleet.find_ready_child, "a child is ready")
    running_fleet.shut_gate()
    yield running_fleet
    running_fleet.open_gate()


def test_a_worker_process_killed_during_a_job_costs_an_attempt_and_no_job(fleet: Fleet) -> None:
    job_id = fleet.hold_job()
    worker = fleet.read(job_id).worker
    assert worker is not None
    os.kill(int(worker.rsplit(":", 1)[1]), signal.SIGKILL)
    wait_until(lambda: fleet.read(job_id).attempt == 2, "another child has taken the job")
    fleet.open_gate()
    wait_until(lambda: fleet.has_status(job_id, JobStatus.SUCCEEDED), "the job is done")
    job = fleet.read(job_id)
    assert (job.attempt, len(job.faces)) == (2, 1)
    statuses = [event.to_status for event in job.events]
    assert statuses == [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED]


def test_a_photo_that_kills_every_worker_process_fails(fleet: Fleet) -> None:
    job_id = fleet.submit(max_attempts=2)
    for attempt in (1, 2):
        wait_until(partial(fleet.is_in_attempt, job_id, attempt), f"attempt {attempt} has begun")
        worker = fleet.read(job_id).worker
        assert worker is not None
        os.kill(int(worker.rsplit(":", 1)[1]), signal.SIGKILL)
    wait_until(lambda: fleet.has_status(job_id, JobStatus.FAILED), "the job is given up")
    assert fleet.read(job_id).error_code == "worker_lost"


def test_no_job_is_lost_when_the_queue_restarts_empty(fleet: Fleet) -> None:
    job_ids = [fleet.submit() for _ in range(6)]
    wait_until(lambda: any(fleet.has_status(job_id, JobStatus.RUNNING) for job_id in job_ids), "a job is in hand")
    fleet.valkey.restart_empty()
    fleet.open_gate()
    wait_until(lambda: all(fleet.has_status(job_id, JobStatus.SUCCEEDED) for job_id in job_ids), "all are done")
    for job_id in job_ids:
        job = fleet.read(job_id)
        assert (job.attempt, len(job.faces)) == (1, 1)


def test_no_job_that_a_killed_worker_had_fetched_is_lost(fleet: Fleet) -> None:
    in_hand = fleet.hold_job()
    fetched = fleet.submit()
    wait_until(lambda: fleet.has_fetched(fetched), "the worker has fetched the next message")
    fleet.kill_analysis_worker()
    fleet.open_gate()
    fleet.start_analysis_worker()
    for job_id in (in_hand, fetched):
        wait_until(partial(fleet.has_status, job_id, JobStatus.SUCCEEDED), "the job is done")
    assert [fleet.read(job_id).attempt for job_id in (in_hand, fetched)] == [2, 1]


def test_a_worker_with_busy_processes_continues_after_an_outage_of_its_queue(fleet: Fleet) -> None:
    in_hand = fleet.hold_job()
    fetched = fleet.submit()
    wait_until(lambda: fleet.has_fetched(fetched), "the worker has fetched the next message")
    fleet.valkey.stop()
    fleet.open_gate()
    for job_id in (in_hand, fetched):
        wait_until(partial(fleet.has_status, job_id, JobStatus.SUCCEEDED), "the job is done")
    fleet.valkey.start()
    job_ids = [fleet.submit() for _ in range(10)]
    for job_id in job_ids:
        wait_until(partial(fleet.has_status, job_id, JobStatus.SUCCEEDED), "the job is done", 30)


def test_a_job_canceled_at_work_gets_no_faces(fleet: Fleet) -> None:
    job_id = fleet.hold_job()
    with fleet.database.write() as session:
        jobs.cancel_job(session, job_id, TEST)
    fleet.open_gate()
    second = fleet.submit()
    wait_until(lambda: fleet.has_status(second, JobStatus.SUCCEEDED), "the child has gone on")
    assert (fleet.read(job_id).status, fleet.read(job_id).faces) == (JobStatus.CANCELED, [])


def test_an_overdue_job_is_canceled(fleet: Fleet) -> None:
    job_id = fleet.submit(deadline_s=0)
    wait_until(lambda: fleet.has_status(job_id, JobStatus.CANCELED), "the job is canceled")
    assert fleet.read(job_id).error_code == "deadline_passed"
