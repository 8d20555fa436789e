"""How jobs are found by the time of their making, and how little of them is read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.session import Database
from db.core.vocabulary import Emotion, JobStatus
from db.faces.queries import get_face
from db.jobs import lifecycle as jobs
from db.jobs.queries import JobFilter, count_jobs, get_job, list_jobs, list_recent_durations, list_recent_timings
from db.jobs.tables import Job
from tests.support.factories.actors import TEST
from tests.support.factories.analyses import Analyses
from tests.support.factories.jobs import make_new_job

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def add(database: Database) -> Callable[..., UUID]:
    """Makes a job at a moment; its photo took some time to store, after the key was made."""

    def make(at: datetime, stored_in: timedelta = timedelta()) -> UUID:
        with database.write() as session:
            application_id = api_keys.ensure_application(session, "shop").id
            new = make_new_job(application_id, id=uuid7(nanoseconds=int((at - stored_in).timestamp() * 1e9)))
            return jobs.create_job(session, new, TEST, now=at).id

    return make


def find(database: Database, **wanted: Any) -> list[UUID]:
    with database.read() as session:
        return [job.id for job in list_jobs(session, JobFilter(**wanted), limit=10)]


def test_the_time_of_the_row_counts_and_not_that_of_the_key(database: Database, add: Callable[..., UUID]) -> None:
    before, slow, after = add(NOON - MINUTE), add(NOON, stored_in=5 * MINUTE), add(NOON + MINUTE)
    assert find(database, created_from=NOON) == [after, slow]
    assert find(database, created_before=NOON) == [before]
    assert find(database, created_from=NOON, created_before=NOON + MINUTE) == [slow]
    assert find(database, created_from=NOON - 2 * MINUTE, created_before=NOON + 2 * MINUTE) == [after, before, slow]


def test_every_time_of_the_calendar_can_be_asked_for(database: Database, add: Callable[..., UUID]) -> None:
    job_id = add(NOON)
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert find(database, created_from=first, created_before=last) == [job_id]
    assert find(database, created_from=last) == find(database, created_before=first) == []


@contextmanager
def listening(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Gathers what is asked of the database: statements with their parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    yield asked
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_that_time_of_the_index_is_read(database: Database) -> None:
    with listening(database) as asked:
        find(database, created_from=NOON, created_before=NOON + MINUTE)
    [(statement, parameters)] = [each for each in asked if "FROM jobs" in each[0]]
    with database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert any("id>? AND id<?" in step.detail for step in plan), plan


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_a_faces_version_its_number_is_read_and_no_manifest(database: Database, analyses: Analyses) -> None:
    photo = analyses.store((Emotion.HAPPY, 0.8), (Emotion.SAD, 0.6))
    with listening(database) as asked, database.read() as session:
        [listed] = list_jobs(session, JobFilter(), limit=10)
    with listening(database) as asked_for_one, database.read() as session:
        job, face = get_job(session, photo.job_id), get_face(session, photo.face_ids[0])
    assert job is not None
    assert face is not None
    assert {each.model_version.number for each in (*listed.faces, *job.faces, face)} == {1}
    assert not [statement for statement, _ in asked + asked_for_one if "manifest" in statement]


@pytest.fixture
def ended(database: Database, add: Callable[..., UUID]) -> dict[str, UUID]:
    """Jobs by the code that they failed with; `queued` waits."""
    ids = {name: add(NOON + place * MINUTE) for place, name in enumerate(("queued", "time_limit", "internal_error"))}
    for code in ("time_limit", "internal_error"):
        with database.write() as session:
            _, claim = jobs.claim_job(session, ids[code], "host:1", 60)
            jobs.fail_job(session, claim, code, "it failed")
    return ids


def test_jobs_are_found_by_status_and_by_what_they_failed_with(database: Database, ended: dict[str, UUID]) -> None:
    assert find(database, error_code="time_limit") == [ended["time_limit"]]
    assert find(database, status=JobStatus.QUEUED) == [ended["queued"]]
    assert find(database, status=JobStatus.FAILED) == [ended["internal_error"], ended["time_limit"]]


def test_a_status_that_no_job_has_is_counted_as_none(database: Database, ended: dict[str, UUID]) -> None:
    with database.read() as session:
        counted = count_jobs(session)
    assert {status.value: count for status, count in counted.items() if count} == {"queued": 1, "failed": 2}
    assert set(counted) == set(JobStatus)


@pytest.mark.parametrize(
    "beside",
    [{"status": JobStatus.FAILED}, {"status": JobStatus.QUEUED}, {"error_code": "broken_picture"}],
    ids=lambda beside: str(*beside.values()),
)
def test_no_face_is_searched_for_among_jobs_that_have_none(
    database: Database, analyses: Analyses, beside: dict[str, Any]
) -> None:
    analyses.store((Emotion.HAPPY, 0.9))
    with database.read() as session:
        assert len(list_jobs(session, JobFilter(emotion=Emotion.HAPPY, status=JobStatus.SUCCEEDED), limit=5)) == 1
        with listening(database) as asked:
            assert list_jobs(session, JobFilter(emotion=Emotion.HAPPY, **beside), limit=5) == []
    assert len(asked) == 1
    assert "EXISTS" not in asked[0][0]


def test_of_the_newest_results_those_that_ended_before_are_left_out(database: Database, analyses: Analyses) -> None:
    jobs_ended = [analyses.store((Emotion.HAPPY, 0.8)).job_id for _ in range(3)]
    with database.write() as session:
        for minutes, job_id in enumerate(jobs_ended):
            job = session.get_one(Job, job_id)
            job.finished_at, job.started_at = NOON + minutes * MINUTE, job.created_at
            job.timings_ms = {"detect": float(minutes)}
    with database.read() as session:
        assert [each["detect"] for each in list_recent_timings(session, 10, NOON + MINUTE)] == [2.0, 1.0]
        assert [each["detect"] for each in list_recent_timings(session, 1, NOON)] == [2.0]
        ended_at = [each.finished_at for each in list_recent_durations(session, 10, NOON + MINUTE)]
        assert ended_at == [NOON + 2 * MINUTE, NOON + MINUTE]
        assert len(list_recent_durations(session, 10)) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_earlier_of_two_bounds_is_the_end_of_what_is_read(database: Database, add: Callable[..., UUID]) -> None:
    first, second, third = add(NOON), add(NOON + 120 * MINUTE), add(NOON + 240 * MINUTE)
    with database.read() as session, listening(database) as asked:
        listed = list_jobs(session, JobFilter(created_before=NOON + MINUTE), limit=9, before=third)
        assert [job.id for job in listed] == [first]
        listed = list_jobs(session, JobFilter(created_before=NOON + 500 * MINUTE), limit=9, before=third)
        assert [job.id for job in listed] == [second, first]
    assert [statement.count("jobs.id < ?") for statement, _ in asked if "created_at < ?" in statement] == [1, 1]


def test_no_code_is_searched_for_among_jobs_that_have_none(database: Database, ended: dict[str, UUID]) -> None:
    wanted = JobFilter(error_code="time_limit", status=JobStatus.SUCCEEDED)
    with database.read() as session, listening(database) as asked:
        assert list_jobs(session, wanted, limit=5) == []
    [(statement, _)] = [each for each in asked if "FROM jobs" in each[0]]
    assert "0 = 1" in statement or "false" in statement
    assert find(database, error_code="time_limit", status=JobStatus.FAILED) == [ended["time_limit"]]
