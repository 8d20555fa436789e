"""Room in the queue."""

import pytest

from db.core.session import Database
from db.jobs.room import QueueRoom
from tests.support.factories.jobs import add_job

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_what_was_taken_counts_before_it_is_stored(database: Database) -> None:
    waiting = QueueRoom(3, reused_times=1e9)
    assert [waiting.take(database, 1) for _ in range(3)] == [True] * 3
    assert waiting.take(database, 4) is False


def test_nobody_is_refused_by_an_old_count(database: Database) -> None:
    waiting = QueueRoom(2, reused_times=1e9)
    assert waiting.take(database, 2)
    assert waiting.take(database, 2), "none of them was stored"


def test_jobs_of_other_processes_are_seen_when_the_count_is_old(database: Database) -> None:
    waiting = QueueRoom(2, reused_times=0)
    assert waiting.take(database, 1)
    for _ in range(2):
        add_job(database)
    assert not waiting.take(database, 1)
