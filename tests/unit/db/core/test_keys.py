"""UUIDv7 keys and times."""

from datetime import UTC, datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from db.core.keys import first_key
from db.core.types import utcnow


def test_the_first_key_of_a_moment_comes_before_all_that_are_made_then() -> None:
    assert first_key(utcnow()) < uuid7() < first_key(utcnow() + timedelta(seconds=1))


def test_it_may_be_moved() -> None:
    now = utcnow()
    assert first_key(now, -60) == first_key(now - timedelta(minutes=1))


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_every_moment_of_the_calendar_has_one(moment: datetime) -> None:
    assert first_key(moment, -3600) <= first_key(moment) <= first_key(moment, 3600)
