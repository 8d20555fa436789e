import math

import cv2
import numpy as np
import pytest

from worker.analysis.crops import crop_faces, measure_roll
from worker.analysis.detectors.base import Box, CropGeometry, Detection, Extent, Eyes
from worker.analysis.resize import Picture

AS_FOUND = CropGeometry(margin=0.0, shift_y=0.0)


def detection(left: float, top: float, side: float, eyes: Eyes | None = None) -> Detection:
    return Detection(Box(0, 0, 1, 1), 0.9, Extent(left, top, left + side, top + side), eyes or ())


def turn(picture: Picture, degrees: float, about: tuple[float, float]) -> Picture:
    """Turn clockwise as one sees it."""
    matrix = cv2.getRotationMatrix2D(about, -degrees, 1.0)
    turned = cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return turned.astype(np.uint8)


def mean_difference(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_no_faces_give_no_crops(astronaut: Picture) -> None:
    crops = crop_faces(astronaut, [], AS_FOUND)
    assert crops.shape == (0, 48, 48)
    assert crops.dtype == np.uint8


def test_crop_is_the_area_average_of_the_box(astronaut: Picture) -> None:
    crop = crop_faces(astronaut, [detection(176, 72, 96)], AS_FOUND)[0]
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[72:168, 176:272]
    expected = grey.reshape(48, 2, 48, 2).mean(axis=(1, 3))
    assert np.abs(crop - expected).max() <= 1


def test_margin_and_shift_frame_the_crop(astronaut: Picture) -> None:
    framed = crop_faces(astronaut, [detection(180, 80, 80)], CropGeometry(margin=0.1, shift_y=-0.05))[0]
    same = crop_faces(astronaut, [detection(172, 68, 96)], AS_FOUND)[0]
    assert np.array_equal(framed, same)


def test_crops_come_in_the_order_of_the_detections(page: Picture) -> None:
    faces = [detection(201, 176, 193), detection(667, 182, 178)]
    crops = crop_faces(page, faces, AS_FOUND)
    assert np.array_equal(crops[::-1], crop_faces(page, faces[::-1], AS_FOUND))


@pytest.mark.parametrize(("left", "top"), [(-50, 20), (20, -50), (480, 480), (-600, 10), (10, 900)])
def test_edge_pixels_fill_what_lies_beyond_the_picture(left: int, top: int) -> None:
    picture = np.zeros((500, 500, 3), np.uint8)
    picture[0], picture[-1], picture[:, 0], picture[:, -1] = 200, 200, 200, 200
    crop = crop_faces(picture, [detection(left, top, 100)], AS_FOUND)[0]
    assert crop.max() > 150
    assert set(np.unique(crop_faces(np.full((40, 40, 3), 77, np.uint8), [detection(left, top, 100)], AS_FOUND))) == {77}


def test_tiny_pictures_and_boxes_still_give_a_crop() -> None:
    assert crop_faces(np.full((1, 1, 3), 9, np.uint8), [detection(0, 0, 0.2)], AS_FOUND).shape == (1, 48, 48)


@pytest.mark.parametrize("degrees", [-60, -30, -10, 10, 30, 60])
@pytest.mark.parametrize("scale", [1, 4])
def test_rolled_head_is_turned_upright_by_its_eyes(astronaut: Picture, degrees: int, scale: int) -> None:
    picture = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    center = (226.0 * scale, 122.0 * scale)
    geometry = CropGeometry(margin=0.1, shift_y=-0.1)
    level = Eyes((center[0] - 22 * scale, center[1] - 15 * scale), (center[0] + 22 * scale, center[1] - 15 * scale))
    face = detection(center[0] - 52 * scale, center[1] - 52 * scale, 104 * scale, level)
    upright = crop_faces(picture, [face], geometry)[0]

    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    turned_eyes = Eyes(
        *(
            (center[0] + dx * cosine - dy * sine, center[1] + dx * sine + dy * cosine)
            for dx, dy in ((-22 * scale, -15 * scale), (22 * scale, -15 * scale))
        )
    )
    rolled = detection(center[0] - 52 * scale, center[1] - 52 * scale, 104 * scale, turned_eyes)
    crop = crop_faces(turn(picture, degrees, center), [rolled], geometry)[0]
    not_turned = crop_faces(turn(picture, degrees, center), [detection(*center_box(center, scale))], geometry)[0]
    assert mean_difference(crop, upright) < 6
    assert mean_difference(crop, upright) < mean_difference(not_turned, upright) / 2


def center_box(center: tuple[float, float], scale: float) -> tuple[float, float, float]:
    return center[0] - 52 * scale, center[1] - 52 * scale, 104 * scale


def test_eyes_seen_from_the_side_do_not_turn_the_head() -> None:
    assert measure_roll(Eyes((100.0, 100.0), (103.0, 109.0)), side=100) == 0.0
    assert measure_roll(Eyes((100.0, 100.0), (140.0, 140.0)), side=100) == pytest.approx(math.pi / 4)
    assert measure_roll(None, side=100) == 0.0
