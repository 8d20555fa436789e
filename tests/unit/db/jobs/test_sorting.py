from datetime import timedelta

import pytest

from db.core.session import Database
from db.core.vocabulary import Emotion
from db.jobs.queries import JobFilter
from db.jobs.sorting import JobOrder, list_sorted_jobs
from db.jobs.tables import Job
from tests.support.factories.analyses import Analyses

FACE = (Emotion.HAPPY, 0.6)


def test_jobs_come_in_the_order_that_is_asked_for(
    database: Database, analyses: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (analyses.store(*[FACE] * count).job_id for count in (1, 3, 2))
    with database.write() as session:
        for job_id, seconds in ((first, 9), (second, 1), (third, 5)):
            job = session.get_one(Job, job_id)
            job.finished_at = job.created_at + timedelta(seconds=seconds)

    def read(order: JobOrder, **options: int) -> list[object]:
        with database.read() as session:
            return [job.id for job in list_sorted_jobs(session, JobFilter(), order, **{"limit": 10} | options)]

    assert read(JobOrder.NEWEST) == [third, second, first]
    assert read(JobOrder.OLDEST) == [first, second, third]
    assert read(JobOrder.MOST_FACES) == [second, third, first]
    assert read(JobOrder.LONGEST) == [first, third, second]
    assert read(JobOrder.LONGEST, limit=1, offset=1) == [third]
    assert read(JobOrder.LONGEST, sorted_jobs=2) == [third, second]


@pytest.mark.parametrize("order", [JobOrder.MOST_FACES, JobOrder.LONGEST])
def test_a_job_that_has_not_ended_comes_last(database: Database, analyses: Analyses, order: JobOrder) -> None:
    ended, waiting = (analyses.store(FACE).job_id for _ in range(2))
    with database.write() as session:
        job = session.get_one(Job, waiting)
        job.face_count = job.finished_at = None
        first = session.get_one(Job, ended)
        first.finished_at = first.created_at + timedelta(seconds=1)
    with database.read() as session:
        assert [job.id for job in list_sorted_jobs(session, JobFilter(), order, limit=10)] == [ended, waiting]
