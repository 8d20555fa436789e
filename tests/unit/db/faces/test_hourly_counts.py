from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from db.core.session import Database
from db.core.vocabulary import Emotion
from db.faces.hourly_counts import ceil_hour, count_in, count_out, floor_hour, list_days, list_hours

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Seen:
    """A face, as far as it is counted."""

    created_at: datetime
    emotion: Emotion = Emotion.HAPPY
    confidence: float = 0.5
    face_px: int = 100


def see(*minutes: int, emotion: Emotion = Emotion.HAPPY) -> Iterator[Seen]:
    """Faces that were stored so many minutes after noon."""
    return (Seen(NOON + timedelta(minutes=after), emotion) for after in minutes)


def test_faces_are_counted_by_hour_and_emotion(database: Database) -> None:
    with database.write() as session:
        count_in(session, [*see(0, 59, 60), *see(5, emotion=Emotion.SAD)])
        count_in(session, see(10))
    with database.read() as session:
        hours = list_hours(session, NOON)
        later = list_hours(session, NOON + timedelta(hours=1))
    assert {(hour, each.emotion, each.faces) for hour, each in hours} == {
        (NOON, Emotion.HAPPY, 3),
        (NOON, Emotion.SAD, 1),
        (NOON + timedelta(hours=1), Emotion.HAPPY, 1),
    }
    assert [hour for hour, _ in later] == [NOON + timedelta(hours=1)]
    happy = next(each for hour, each in hours if (hour, each.emotion) == (NOON, Emotion.HAPPY))
    assert (happy.confidence_sum, happy.face_px_sum) == pytest.approx((1.5, 300))


def test_what_is_taken_out_again_leaves_nothing(database: Database) -> None:
    with database.write() as session:
        count_in(session, see(0, 1))
    for minute in (0, 1):
        with database.write() as session:
            count_out(session, see(minute))
    with database.read() as session:
        assert list_hours(session, NOON) == []


def test_a_day_holds_its_hours_within_the_bounds(database: Database) -> None:
    hour = timedelta(hours=1)
    with database.write() as session:
        count_in(session, see(-13 * 60, -12 * 60, 0, 60, 12 * 60))
    with database.read() as session:
        days = list_days(session, NOON - 13 * hour, NOON + hour)
    assert [(day, each.faces) for day, each in days] == [(date(2026, 2, 28), 1), (date(2026, 3, 1), 2)]


def test_workers_that_end_at_once_all_count(database: Database) -> None:
    def work(number: int) -> None:
        emotions = list(Emotion)[number % 2 :: 2]
        with database.write() as session:
            count_in(session, [Seen(NOON, emotion) for emotion in (*emotions, Emotion.HAPPY)])

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(work, range(40)))
    with database.read() as session:
        found = {each.emotion: each.faces for _, each in list_hours(session, NOON)}
    assert found == {emotion: 60 if emotion is Emotion.HAPPY else 20 for emotion in Emotion}


def test_hours_are_cut_down_and_up() -> None:
    assert floor_hour(NOON + timedelta(minutes=59, microseconds=1)) == NOON
    assert ceil_hour(NOON) == NOON
    assert ceil_hour(NOON + timedelta(microseconds=1)) == NOON + timedelta(hours=1)
