from datetime import UTC, datetime, timedelta

import pytest

from db.core.vocabulary import JobStatus
from db.monitoring.dashboard import MinuteCount, average_minutes

NOW = datetime(2026, 3, 1, 12, 30, 45, tzinfo=UTC)


def count(minutes_ago: int, jobs: int, status: JobStatus = JobStatus.SUCCEEDED) -> MinuteCount:
    return MinuteCount(NOW.replace(second=0) - timedelta(minutes=minutes_ago), status, jobs)


@pytest.mark.parametrize("second", [0, 1, 59])
def test_a_steady_minute_is_its_own_mean_at_every_second(second: int) -> None:
    counts = [count(minutes_ago, 10) for minutes_ago in range(10)]
    assert average_minutes(counts, NOW.replace(second=second), 5) == 10


def test_every_end_counts_and_only_full_minutes_do() -> None:
    counts = [count(0, 900), count(1, 4), count(1, 1, JobStatus.FAILED), count(5, 5), count(6, 900)]
    assert average_minutes(counts, NOW, 5) == 2
    assert average_minutes([], NOW, 5) == 0
