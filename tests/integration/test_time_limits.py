"""Time limits of jobs: they fail in time, and no worker process is blocked forever."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.core.vocabulary import JobStatus
from tests.support.fleet import Fleet, run_fleet
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def fleet(short_tmp: Path) -> Iterator[Fleet]:
    with run_fleet(short_tmp / "time-limits", soft_time_limit_s=2, hard_time_limit_s=3) as running:
        yield running


def test_an_analysis_over_its_time_limit_fails_its_job_and_the_worker_process_continues(fleet: Fleet) -> None:
    child = fleet.find_ready_child()
    fleet.shut_gate()
    job_id = fleet.hold_job()
    wait_until(lambda: fleet.has_status(job_id, JobStatus.FAILED), "the job has failed")
    failed = fleet.read(job_id)
    assert (failed.error_code, failed.error_detail) == ("time_limit", "the analysis took longer than 2 seconds")
    fleet.open_gate()
    after = fleet.submit()
    wait_until(lambda: fleet.has_status(after, JobStatus.SUCCEEDED), "the next job is done")
    workers = {fleet.read(each).worker.rsplit(":", 1)[1] for each in (job_id, after)}  # type: ignore[union-attr]
    assert workers == {str(child)}


def test_a_worker_process_that_hangs_is_killed_and_another_takes_its_job(fleet: Fleet) -> None:
    fleet.shut_gate(is_deaf=True)
    job_id = fleet.hold_job()
    child = int(fleet.read(job_id).worker.rsplit(":", 1)[1])  # type: ignore[union-attr]
    wait_until(lambda: not Path(f"/proc/{child}").exists(), "the child is gone")
    wait_until(lambda: fleet.read(job_id).attempt == 2, "another child has taken the job")
    fleet.open_gate()
    wait_until(lambda: fleet.has_status(job_id, JobStatus.SUCCEEDED), "the job is done")
