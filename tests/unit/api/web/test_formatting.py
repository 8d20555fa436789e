"""Formats of numbers, times and codes."""

from datetime import UTC, datetime, timedelta

import pytest

from api.web.formatting import (
    NOTHING,
    format_age,
    format_bytes,
    format_moment,
    format_photo,
    format_seconds,
    format_share,
    format_time,
    format_words,
)
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs.tables import Job

MOMENT = datetime(2026, 3, 1, 12, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, NOTHING),
        (0.0123, "12 ms"),
        (3.14, "3.1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (7200, "2 h"),
        (86_400, "1 d"),
        (1e7, "116 d"),
    ],
)
def test_a_duration_has_the_largest_fitting_unit(seconds: float | None, written: str) -> None:
    assert format_seconds(seconds) == written


def test_a_moment_is_an_age_with_the_exact_time_beside_it() -> None:
    assert format_moment(MOMENT) == "2026-03-01 12:05"
    assert format_moment(None) == format_age(None) == NOTHING
    shown = format_time(MOMENT)
    assert 'datetime="2026-03-01T12:05:09+00:00"' in shown
    assert 'title="2026-03-01 12:05:09 UTC"' in shown
    assert NOTHING in format_time(None)


def test_a_moment_of_a_clock_that_is_ahead_is_now() -> None:
    assert format_age(utcnow() + timedelta(minutes=5)) == "0 ms"


@pytest.mark.parametrize(
    ("count", "written"), [(999, "999 B"), (1000, "1 kB"), (999_999, "1000 kB"), (1_500_000, "1.5 MB")]
)
def test_sizes(count: int, written: str) -> None:
    assert format_bytes(count) == written


def test_shares_are_never_percentages_and_codes_are_words() -> None:
    assert (format_share(0.5), format_share(None), format_share(0.12345, 2)) == ("0.500", NOTHING, "0.12")
    assert format_words("not_a_face-x") == "not a face x"


def test_a_photo_is_its_size_or_the_host_that_it_comes_from() -> None:
    url = "https://ana:word@example.com:8443/secret.jpg"
    for job, written in (
        (Job(width=64, height=48, status=JobStatus.QUEUED, source_url=url), "64\N{MULTIPLICATION SIGN}48"),
        (Job(width=0, height=0, status=JobStatus.QUEUED, source_url=url), "to be fetched from example.com"),
        (Job(width=0, height=0, status=JobStatus.FAILED, source_url=url), "not fetched from example.com"),
    ):
        assert format_photo(job) == written
