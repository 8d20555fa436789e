from collections.abc import Callable

import pytest

from api.monitoring.job_counts import JobCounts
from db.core.session import Database
from db.core.vocabulary import JobStatus
from tests.support.played_worker import PlayedWorker


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_waiting_jobs_are_counted_each_time_and_ended_ones_now_and_then(
    database: Database, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    counts = JobCounts()

    def read() -> dict[JobStatus, int]:
        with database.read() as session:
            return counts.read(session)

    worker.analyze(submit())
    claim = worker.claim(submit())
    first = read()
    assert {status: count for status, count in first.items() if count} == {JobStatus.SUCCEEDED: 1, JobStatus.RUNNING: 1}
    assert set(first) == set(JobStatus)
    worker.finish(claim)
    submit()
    later = read()
    assert (later[JobStatus.QUEUED], later[JobStatus.RUNNING], later[JobStatus.SUCCEEDED]) == (1, 0, 1)
    with database.read() as session:
        assert JobCounts().read(session)[JobStatus.SUCCEEDED] == 2
