import math

import numpy as np
import pytest

from worker.analysis.conditions import measure_crop
from worker.analysis.detectors.base import Box, Detection, Extent
from worker.analysis.measures import NOSE_DEPTH, measure_face, measure_inside_share, measure_pose


def turn_head(yaw_deg: float, roll_deg: float = 0.0) -> Detection:
    """Eyes and nose of the average head, turned, as a camera far away sees them."""
    yaw, roll = math.radians(yaw_deg), math.radians(roll_deg)
    points = []
    for x, y, depth in ((-20.0, 0.0, 0.0), (20.0, 0.0, 0.0), (0.0, 18.0, 20 * NOSE_DEPTH)):
        across = x * math.cos(yaw) + depth * math.sin(yaw)
        points.append(
            (100 + across * math.cos(roll) - y * math.sin(roll), 100 + across * math.sin(roll) + y * math.cos(roll))
        )
    return Detection(Box(60, 60, 80, 80), 0.9, Extent(60, 60, 140, 140), points)


@pytest.mark.parametrize("roll_deg", [0, 30, -90])
@pytest.mark.parametrize("yaw_deg", [0, 20, -50])
def test_pose_is_read_off_the_eyes_and_the_nose_however_the_head_leans(yaw_deg: int, roll_deg: int) -> None:
    assert measure_pose(turn_head(yaw_deg, roll_deg), 80) == pytest.approx((roll_deg, yaw_deg), abs=0.1)


def test_roll_is_unknown_where_the_eyes_are_too_close_together_to_tell() -> None:
    roll_deg, yaw_deg = measure_pose(turn_head(80), 80)
    assert roll_deg is None
    assert yaw_deg == pytest.approx(80, abs=0.1)


def test_a_detector_without_landmarks_tells_no_pose() -> None:
    assert measure_pose(Detection(Box(0, 0, 9, 9), 0.9, Extent(0, 0, 9, 9)), 9) == (None, None)


def test_share_inside_counts_what_lies_beyond_each_edge() -> None:
    assert measure_inside_share(Extent(10, 10, 20, 20), 100, 100) == 1
    assert measure_inside_share(Extent(-5, -5, 5, 5), 100, 100) == 0.25
    assert measure_inside_share(Extent(95, 10, 115, 20), 100, 100) == 0.25
    assert measure_inside_share(Extent(-20, 0, -10, 10), 100, 100) == 0


def test_brightness_is_the_mean_of_the_crop() -> None:
    crop = np.full((48, 48), 51, np.uint8)
    assert measure_face(turn_head(0), measure_crop(crop), 200, 200).brightness == pytest.approx(0.2)
