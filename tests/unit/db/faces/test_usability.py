"""Whether a face is suitable for classification."""

from typing import Any

import pytest

from db.core.vocabulary import UnusableReason
from db.faces.tables import Face
from db.faces.usability import (
    BRIGHTEST,
    LARGEST_YAW_DEG,
    LEAST_INSIDE_SHARE,
    SMALLEST_PX,
    list_unusable_reasons,
)

GOOD: dict[str, Any] = {
    "width": 60,
    "height": 80,
    "sharpness": 1.0,
    "brightness": 0.5,
    "inside_share": 1.0,
    "yaw_deg": 0.0,
}


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        (
            {
                "width": SMALLEST_PX,
                "brightness": BRIGHTEST,
                "yaw_deg": -LARGEST_YAW_DEG,
                "inside_share": LEAST_INSIDE_SHARE,
            },
            [],
        ),
        ({"height": SMALLEST_PX - 1}, [UnusableReason.SMALL]),
        ({"brightness": BRIGHTEST + 0.01}, [UnusableReason.BRIGHT]),
        ({"yaw_deg": -LARGEST_YAW_DEG - 1}, [UnusableReason.TURNED_AWAY]),
        ({"yaw_deg": None}, []),
        ({"inside_share": LEAST_INSIDE_SHARE - 0.01}, [UnusableReason.CUT_OFF]),
        (
            {"conditions": ["dark", "blurred", "covered"]},
            [UnusableReason.DARK, UnusableReason.BLURRED, UnusableReason.COVERED],
        ),
    ],
)
def test_each_limit_gives_its_reason(changes: dict[str, Any], reasons: list[UnusableReason]) -> None:
    found = list_unusable_reasons(Face(**GOOD | changes))
    assert found is not None
    assert set(found) == set(reasons)
    assert found == [reason for reason in UnusableReason if reason in found], "always in the same order"


@pytest.mark.parametrize("missing", ["sharpness", "brightness", "inside_share"])
def test_of_a_face_that_was_not_measured_nothing_is_said(missing: str) -> None:
    assert list_unusable_reasons(Face(**GOOD | {missing: None})) is None
