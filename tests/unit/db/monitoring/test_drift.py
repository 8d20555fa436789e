from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.faces.hourly_counts import count_in, count_out
from db.jobs.erasure import erase_job
from db.monitoring.drift import Metrics, Period, choose_periods, measure_drift, measure_shift
from db.reviews.actions import cast_vote
from db.reviews.queue import take_faces
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses, StoredPhoto

HAPPY, SAD = Emotion.HAPPY, Emotion.SAD


def date_back(database: Database, stored: StoredPhoto, days: float) -> None:
    move(database, utcnow() - timedelta(days=days), *stored.face_ids)


def move(database: Database, to: datetime, *face_ids: UUID) -> None:
    """Let faces have been stored at another time, all in the random slice."""
    with database.write() as session:
        items = session.scalars(select(ReviewItem).where(ReviewItem.face_id.in_(face_ids))).all()
        count_out(session, items)
        for item in items:
            item.created_at, item.slice = to, ReviewSlice.RANDOM
        count_in(session, items)


def test_two_periods_are_told_apart_by_mix_confidence_and_size(database: Database, analyses: Analyses) -> None:
    date_back(database, analyses.store((HAPPY, 0.9), (HAPPY, 0.7), (SAD, 0.8)), 10)
    date_back(database, analyses.store((SAD, 0.6), box=(0, 0, 40, 60)), 2)
    date_back(database, analyses.store((SAD, 0.6)), 100)
    with database.read() as session:
        drift = measure_drift(session, *choose_periods())
    before, after = drift.reference, drift.current
    assert (before.faces, before.emotions[HAPPY], before.emotions[SAD]) == (3, 2, 1)
    assert before.mean_confidence == pytest.approx(0.8)
    assert (after.faces, after.mean_face_px, before.mean_face_px) == (1, 40, 80)
    assert drift.emotion_shift is not None
    assert drift.emotion_shift > 0.1
    assert [figures.faces for figures in drift.days.values()] == [3, 1]


def test_the_override_rate_is_of_judged_faces_alone(database: Database, analyses: Analyses) -> None:
    stored = analyses.store(*[(HAPPY, 0.9)] * 4)
    date_back(database, stored, 1)
    with database.write() as session:
        take_faces(session, "ana", limit=4)
        for face_id, choice in zip(
            stored.face_ids, (VoteChoice.SAD, VoteChoice.HAPPY, VoteChoice.NOT_A_FACE), strict=False
        ):
            cast_vote(session, face_id, "ana", choice)
    with database.read() as session:
        rate = measure_drift(session, *choose_periods()).current.override_rate
    assert (rate.hits, rate.count, rate.share) == (1, 2, 0.5)


def test_the_override_rate_counts_a_face_once_however_often_it_was_analysed(
    database: Database, analyses: Analyses
) -> None:
    stored = [analyses.store((HAPPY, 0.9), photo="a" * 64) for _ in range(3)]
    for days, each in zip((3, 2, 1), stored, strict=True):
        date_back(database, each, days)
    with database.write() as session:
        take_faces(session, "ana", limit=3)
        cast_vote(session, stored[0].face_ids[0], "ana", VoteChoice.SAD)
    with database.read() as session:
        drift = measure_drift(session, *choose_periods())
    assert (drift.current.override_rate.hits, drift.current.override_rate.count) == (1, 1)
    assert [figures.labelled for figures in drift.days.values()] == [0, 0, 1]


def test_a_day_that_both_periods_share_is_counted_whole(database: Database, analyses: Analyses) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
    stored = analyses.store((HAPPY, 0.9), (SAD, 0.9))
    for hours, face_id in zip((-1, 1), stored.face_ids, strict=True):
        move(database, noon + timedelta(hours=hours), face_id)
    day = timedelta(days=1)
    with database.read() as session:
        drift = measure_drift(session, Period(noon - day, noon), Period(noon, noon + day))
    assert (drift.reference.faces, drift.current.faces) == (1, 1)
    assert [figures.faces for figures in drift.days.values()] == [2]


def test_a_period_may_begin_and_end_within_an_hour(database: Database, analyses: Analyses) -> None:
    hour = datetime(2026, 3, 1, 12, tzinfo=UTC)
    minute = timedelta(minutes=1)
    times = [hour - minute, hour, hour + 30 * minute, hour + 61 * minute, hour + 150 * minute, hour + 170 * minute]
    for time in times:
        move(database, time, *analyses.store((HAPPY, 0.9)).face_ids)
    with database.read() as session:
        drift = measure_drift(
            session,
            Period(hour + 30 * minute, hour + 170 * minute),
            Period(hour + 170 * minute, hour + 171 * minute),
        )
    assert (drift.reference.faces, drift.current.faces) == (3, 1)


def test_an_erased_face_is_in_no_figure(database: Database, analyses: Analyses) -> None:
    kept, erased = analyses.store((HAPPY, 0.9)), analyses.store((HAPPY, 0.5), (SAD, 0.6))
    for stored in (kept, erased):
        date_back(database, stored, 2)
    with database.write() as session:
        assert erase_job(session, erased.job_id)
        assert not erase_job(session, erased.job_id)
    with database.read() as session:
        current = measure_drift(session, *choose_periods()).current
    assert (current.faces, current.emotions[HAPPY], current.emotions[SAD]) == (1, 1, 0)
    assert current.mean_confidence == pytest.approx(0.9)
    assert current.mean_face_px == 80


def test_the_same_mix_has_no_shift_and_an_empty_period_none() -> None:
    figures = Metrics()
    figures.emotions[HAPPY], figures.emotions[SAD] = 70, 30
    assert measure_shift(figures, figures) == 0
    assert measure_shift(Metrics(), figures) is None


def test_nothing_stored_gives_no_figures(database: Database) -> None:
    with database.read() as session:
        drift = measure_drift(session, *choose_periods())
    assert (drift.current.mean_confidence, drift.current.mean_face_px, drift.emotion_shift) == (None, None, None)
    assert drift.days == {}
