"""Which of the jobs that wait comes first."""

from pathlib import Path

from db.core.queues import ANALYSIS_QUEUE, BULK_QUEUE
from db.core.types import utcnow
from db.core.vocabulary import JobStatus, Priority
from tests.support.fleet import run_fleet
from tests.support.waiting import wait_until


def test_interactive_jobs_overtake_bulk_jobs_that_wait(short_tmp: Path) -> None:
    with run_fleet(short_tmp / "priorities", lease_s=60) as fleet:
        fleet.shut_gate()
        fleet.hold_job()
        following = fleet.submit(priority=Priority.BULK)
        wait_until(lambda: fleet.has_fetched(following), "the worker has fetched what goes next")
        bulk = [fleet.submit(priority=Priority.BULK) for _ in range(3)]
        wait_until(lambda: fleet.queue.llen(BULK_QUEUE) >= 3, "the bulk jobs' messages wait")
        interactive = [fleet.submit() for _ in range(3)]
        wait_until(lambda: fleet.queue.llen(ANALYSIS_QUEUE) >= 3, "the interactive jobs' messages wait")
        fleet.open_gate()
        waiting = {*bulk, *interactive}
        wait_until(lambda: all(fleet.has_status(job_id, JobStatus.SUCCEEDED) for job_id in waiting), "all are done")
        started = {job_id: fleet.read(job_id).started_at or utcnow() for job_id in waiting}
        order = sorted(waiting, key=started.__getitem__)
        assert set(order[:3]) == set(interactive)
