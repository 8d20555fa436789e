"""Drift as a page."""

import pytest

from api.monitoring.drift_pages import _assess
from db.monitoring.drift import LARGE_SHIFT, NOTABLE_SHIFT
from tests.support.databases import only_sqlite
from tests.support.visitors import Visitor


@pytest.mark.parametrize(
    ("shift", "word"),
    [(0, "small"), (NOTABLE_SHIFT - 1e-9, "small"), (NOTABLE_SHIFT, "notable"), (LARGE_SHIFT, "large"), (9, "large")],
)
def test_a_shift_is_told_in_a_word(shift: float, word: str) -> None:
    assert _assess(shift) == word


@only_sqlite
def test_a_service_that_saw_no_face_shows_no_figures(viewer: Visitor) -> None:
    shown = viewer.get("/drift")
    assert "Emotion mix by day" in shown
    assert "nan" not in shown.lower()
