"""Measures of a face, stored and read."""

import pytest

from db.core.vocabulary import Detector
from db.faces.measures import FaceMeasures, name_landmarks


def test_points_are_stored_to_a_tenth_of_a_pixel_in_turn() -> None:
    measures = FaceMeasures(
        landmarks=[(1.26, 2.0), (3.0, 4.04)],
        roll_deg=None,
        yaw_deg=3.0,
        sharpness=1.0,
        brightness=0.5,
        inside_share=1.0,
    )
    columns = measures.to_columns()
    assert columns["landmarks"] == [1.3, 2.0, 3.0, 4.0]
    assert (columns["roll_deg"], columns["yaw_deg"], columns["inside_share"]) == (None, 3.0, 1.0)


@pytest.mark.parametrize("detector", Detector)
def test_each_point_has_the_name_that_its_detector_gives_it(detector: Detector) -> None:
    names = detector.landmarks
    stored = [float(number) for number in range(2 * len(names))]
    assert name_landmarks(detector, stored) == [(name, 2.0 * at, 2.0 * at + 1) for at, name in enumerate(names)]
    assert name_landmarks(detector, []) == []
