"""How long jobs took."""

from datetime import UTC, datetime

import pytest

from api.monitoring.percentiles import take_percentiles
from db.jobs.queries import JobDuration

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_percentiles_are_of_each_phase_and_need_two_jobs() -> None:
    durations = [JobDuration(float(number), 2.0, NOW) for number in range(101)]
    found = take_percentiles(durations)
    assert found is not None
    assert (found["waiting"].p50, found["waiting"].p95, found["waiting"].p99) == pytest.approx((50, 95, 99))
    assert (found["running"].p99, found["total"].p50) == pytest.approx((2, 52))
    assert take_percentiles(durations[:1]) is None
