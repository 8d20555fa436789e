from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import ReviewSlice
from db.reviews.filter import ReviewFilter
from tests.support.reviewing import HAPPY, SAD, set_slice, take

if TYPE_CHECKING:
    from tests.unit.conftest import Analyses


def test_filters_that_look_at_the_answer_leave_the_random_slice_alone(database: Database, analyses: "Analyses") -> None:
    faces = analyses.store((SAD, 0.6), (SAD, 0.7)).face_ids
    set_slice(database, ReviewSlice.RANDOM, faces[0])
    set_slice(database, ReviewSlice.UNCERTAIN, faces[1])
    assert take(database, wanted=ReviewFilter(emotion=SAD), limit=2, random_share=1.0) == [faces[1]]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ReviewFilter(emotion=SAD), {1}),
        (ReviewFilter(min_confidence=0.65), {0, 2}),
        (ReviewFilter(max_confidence=0.65), {1}),
        (ReviewFilter(min_confidence=0.65, max_confidence=0.75), {2}),
        (ReviewFilter(min_face_px=50), {0, 1}),
        (ReviewFilter(max_face_px=50), {2}),
        (ReviewFilter(model_version=2), {2}),
        (ReviewFilter(created_from=utcnow() - timedelta(hours=1)), {0, 1, 2}),
        (ReviewFilter(created_before=utcnow() - timedelta(hours=1)), set()),
        (ReviewFilter(emotion=SAD, model_version=2), set()),
    ],
)
def test_each_filter_keeps_what_it_says(
    database: Database, analyses: "Analyses", wanted: ReviewFilter, expected: set[int]
) -> None:
    faces = analyses.store((HAPPY, 0.9), (SAD, 0.6)).face_ids
    faces += analyses.store((HAPPY, 0.7), version="second", box=(0, 0, 40, 80)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    assert {faces.index(face_id) for face_id in take(database, wanted=wanted, limit=9)} == expected
