from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from db.columns import utcnow
from db.drift import Figures, Period, choose_periods, measure_drift, measure_shift
from db.models_review import ReviewItem
from db.reviews import cast_vote
from db.session import Database
from db.vocabulary import Emotion, ReviewSlice, Verdict

if TYPE_CHECKING:
    from tests.unit.conftest import Analyses, StoredPhoto

HAPPY, SAD = Emotion.HAPPY, Emotion.SAD


def date_back(database: Database, stored: "StoredPhoto", days: float) -> None:
    with database.write() as session:
        session.execute(
            update(ReviewItem)
            .where(ReviewItem.face_id.in_(stored.face_ids))
            .values(created_at=utcnow() - timedelta(days=days), slice=ReviewSlice.RANDOM)
        )


def test_two_periods_are_told_apart_by_mix_confidence_and_size(database: Database, analyses: "Analyses") -> None:
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


def test_the_override_rate_is_of_judged_faces_alone(database: Database, analyses: "Analyses") -> None:
    stored = analyses.store(*[(HAPPY, 0.9)] * 4)
    date_back(database, stored, 1)
    with database.write() as session:
        for face_id, verdict in zip(stored.face_ids, (Verdict.SAD, Verdict.HAPPY, Verdict.NOT_A_FACE), strict=False):
            cast_vote(session, face_id, "ana", verdict)
    with database.read() as session:
        rate = measure_drift(session, *choose_periods()).current.override_rate
    assert (rate.hits, rate.count, rate.share) == (1, 2, 0.5)


def test_a_day_that_both_periods_share_is_counted_whole(database: Database, analyses: "Analyses") -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
    stored = analyses.store((HAPPY, 0.9), (SAD, 0.9))
    with database.write() as session:
        for hours, face_id in zip((-1, 1), stored.face_ids, strict=True):
            item = session.get_one(ReviewItem, face_id)
            item.created_at = noon + timedelta(hours=hours)
    day = timedelta(days=1)
    with database.read() as session:
        drift = measure_drift(session, Period(noon - day, noon), Period(noon, noon + day))
    assert (drift.reference.faces, drift.current.faces) == (1, 1)
    assert [figures.faces for figures in drift.days.values()] == [2]


def test_the_same_mix_has_no_shift_and_an_empty_period_none() -> None:
    figures = Figures()
    figures.emotions[HAPPY], figures.emotions[SAD] = 70, 30
    assert measure_shift(figures, figures) == 0
    assert measure_shift(Figures(), figures) is None


def test_nothing_stored_gives_no_figures(database: Database) -> None:
    with database.read() as session:
        drift = measure_drift(session, *choose_periods())
    assert (drift.current.mean_confidence, drift.current.mean_face_px, drift.emotion_shift) == (None, None, None)
    assert drift.days == {}
