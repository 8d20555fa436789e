"""How jobs are found by the time of their making."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from uuid_utils.compat import uuid7

from db import access, jobs
from db.job_queries import JobFilter, list_jobs
from db.jobs import NewJob
from db.session import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def add(database: Database) -> Callable[..., UUID]:
    """Makes a job at a moment; its photo took some time to store, after the key was made."""

    def make(at: datetime, stored_in: timedelta = timedelta()) -> UUID:
        with database.write() as session:
            new = NewJob(
                id=uuid7(nanoseconds=int((at - stored_in).timestamp() * 1e9)),
                application_id=access.ensure_application(session, "shop").id, photo_key="photos/x", photo_sha256="0" * 64,
                photo_bytes=1, media_type="image/png", width=8, height=8, photo_retention_s=60, max_attempts=3,
            )  # fmt: skip
            job = jobs.create_job(session, new, "shop")
            job.created_at = at
            return job.id

    return make


def find(database: Database, **wanted: datetime) -> list[UUID]:
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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_that_time_of_the_index_is_read(database: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    find(database, created_from=NOON, created_before=NOON + MINUTE)
    event.remove(database.engine, "before_cursor_execute", note)
    [(statement, parameters)] = [each for each in asked if "FROM jobs" in each[0]]
    with database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert any("id>? AND id<?" in step.detail for step in plan), plan
