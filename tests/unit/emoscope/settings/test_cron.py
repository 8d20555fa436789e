import re

import pytest
from celery.schedules import crontab
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emoscope.settings.cron import InvalidSchedule, normalize_schedule

WORD_AND_MORE = re.compile(r"(?<![a-z-])[a-z]+/", re.IGNORECASE)
"""Celery reads three letters of a word and drops what comes after them, a step too; here it is refused."""
NUMBERS = st.integers(0, 70).map(str)
WORDS = {3: st.sampled_from(["jan", "Feb", "september"]), 4: st.sampled_from(["mon", "SUN", "thurs"])}


def make_fields(number: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ranges = st.tuples(number, number).map("-".join)
    steps = st.tuples(st.just("*") | ranges | number, st.integers(0, 40).map(str)).map("/".join)
    return st.lists(st.just("*") | number | ranges | steps, min_size=1, max_size=3).map(",".join)


SCHEDULES = st.tuples(*[make_fields(NUMBERS | WORDS.get(place, NUMBERS)) for place in range(5)]).map(" ".join)
LIKELY = st.tuples(*[make_fields(st.integers(1, 6).map(str)) for _ in range(5)]).map(" ".join)


def expand(schedule: str) -> list[set[int]]:
    found = crontab.from_string(schedule)
    return [found.minute, found.hour, found.day_of_month, found.month_of_year, found.day_of_week]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULES | LIKELY)
@example("* * * * mon/0")
def test_what_is_accepted_means_to_celery_what_it_says_and_what_is_refused_celery_refuses_too(schedule: str) -> None:
    try:
        normalized = normalize_schedule(schedule)
    except InvalidSchedule:
        if not WORD_AND_MORE.search(schedule):
            with pytest.raises(ValueError):  # noqa: PT011 - Celery's own sentences
                crontab.from_string(schedule)
        return
    assert normalize_schedule(normalized) == normalized
    try:
        expected = expand(schedule)
    except ValueError:
        assert "7" in schedule.split()[4], "Celery refuses it for more than its Sunday"
        expand(normalized)
    else:
        assert expand(normalized) == expected


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("*", "*"),
        ("7", "0"),
        ("0-7", "0,1,2,3,4,5,6"),
        ("1-7/2", "0,1,3,5"),
        ("5-7", "0,5,6"),
        ("7-2", "0,1,2"),
        ("7-7", "0"),
        ("*/7", "0"),
        ("fri-mon", "0,1,5,6"),
        ("Sunday,3", "0,3"),
    ],
)
def test_seven_is_sunday(weekday: str, days: str) -> None:
    assert normalize_schedule(f"0 3 * * {weekday}") == f"0 3 * * {days}"


def test_fields_may_stand_apart() -> None:
    assert normalize_schedule("  */15 \t 3-5  1,15 jan-mar   *  ") == "*/15 3-5 1,15 jan-mar *"


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        ("0 3 * *", "must have five fields"),
        ("60 3 * * *", "has the minute '60', where it takes 0 to 59"),
        ("0 25 * * *", "has the hour '25', where it takes 0 to 23"),
        ("0 3 0 * *", "has the day '0', where it takes 1 to 31"),
        ("0 3 * 13 *", "has the month '13', where it takes 1 to 12"),
        ("0 3 * * 8", "has the weekday '8', where it takes 0 to 7"),
        ("*/0 3 * * *", "has the minute '*/0'"),
        ("5/15 3 * * *", "has the minute '5/15'"),
        ("-5 3 * * *", "has the minute '-5'"),
        ("1,,2 3 * * *", "has the minute '1,,2'"),
        ("0 mon * * *", "has the hour 'mon'"),
        ("0 3 * * mo", "has the weekday 'mo'"),
        ("0 3 30,31 2 *", "never comes"),
        ("0 3 31 4,6 *", "never comes"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_sentence(schedule: str, sentence: str) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        normalize_schedule(schedule)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("schedule", ["0 3 29 2 *", "0 3 31 2,3 *", "0 3 1 */3 *"])
def test_a_rare_day_is_one(schedule: str) -> None:
    assert normalize_schedule(schedule) == schedule
