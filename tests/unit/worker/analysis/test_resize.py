import numpy as np
import pytest
from PIL import Image

from worker.analysis.resize import Picture, Pyramid, choose_scale, resize_picture, scale_picture


@pytest.mark.parametrize("size", [(512, 512), (256, 256), (200, 150), (100, 333), (64, 64), (1, 1), (900, 700)])
def test_resized_picture_looks_as_a_slow_and_good_resizer_makes_it(astronaut: Picture, size: tuple[int, int]) -> None:
    width, height = size
    resized = resize_picture(astronaut, width, height)
    assert resized.shape == (height, width, 3)
    expected = np.asarray(Image.fromarray(astronaut).resize(size, Image.Resampling.BILINEAR), float)
    assert np.abs(resized - expected).mean() < 6


def test_fine_stripes_average_out_instead_of_turning_into_patterns() -> None:
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 255
    small = resize_picture(stripes, 128, 128)
    assert np.ptp(small) == 0
    assert small[0, 0] == pytest.approx(128, abs=1)


def test_picture_of_the_right_size_is_not_copied(astronaut: Picture) -> None:
    assert resize_picture(astronaut, 512, 512) is astronaut


def test_scale_is_bounded_by_side_and_factor(astronaut: Picture) -> None:
    assert choose_scale(astronaut, wanted=0.5, max_side_px=1280, max_scale=2.0) == 0.5
    assert choose_scale(astronaut, wanted=9.0, max_side_px=1280, max_scale=2.0) == 2.0
    assert choose_scale(astronaut, wanted=9.0, max_side_px=256, max_scale=2.0) == 0.5


def test_scaling_leaves_a_pixel_at_least() -> None:
    assert scale_picture(np.zeros((2, 4000, 3), np.uint8), 0.1).shape == (1, 400, 3)


def test_a_pyramid_gives_the_smallest_level_with_pixels_to_spare_and_makes_each_once(astronaut: Picture) -> None:
    pyramid = Pyramid(astronaut)
    for scale, side in ((2.0, 512), (1.0, 512), (0.26, 512), (0.25, 256), (0.13, 256), (0.12, 128), (0.01, 16)):
        level, reduction = pyramid.find_level(scale)
        assert level.shape == (side, side, 3)
        assert reduction == (512 / side, 512 / side)
        assert pyramid.find_level(scale)[0] is level
    assert pyramid.find_level(1.0)[0] is pyramid.picture is astronaut
    assert np.array_equal(pyramid.find_level(0.25)[0], resize_picture(astronaut, 256, 256))


def test_a_pyramid_of_odd_sides_says_what_a_pixel_of_each_level_stands_for(astronaut: Picture) -> None:
    level, reduction = Pyramid(astronaut[:301, :203]).find_level(0.2)
    assert level.shape[:2] == (150, 101)
    assert reduction == (203 / 101, 301 / 150)


def test_a_pyramid_of_a_line_ends_at_the_line(astronaut: Picture) -> None:
    assert Pyramid(astronaut[:1]).find_level(0.001)[0].shape == (1, 512, 3)
