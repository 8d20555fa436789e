"""One network: its input, and the position of its results."""

from pathlib import Path

import numpy as np
import pytest

from worker.analysis.detectors import blazeface_network
from worker.analysis.detectors.base import DetectorUnavailable, Extent
from worker.analysis.detectors.blazeface import BACK_CAMERA
from worker.analysis.detectors.blazeface_network import (
    NEUTRAL,
    BlazeFaceNetwork,
    NetworkShape,
    locate_weights,
    place_anchors,
    render_region,
)
from worker.analysis.resize import Picture, Pyramid

PICTURE = np.full((40, 60, 3), 200, np.uint8)


def test_anchors_lie_in_the_middle_of_their_cells_row_by_row() -> None:
    anchors = place_anchors(NetworkShape("x", 32, (8, 16), (1, 2)), width=32, height=16)
    assert anchors.tolist() == [
        *[[x, y] for y in (4, 12) for x in (4, 12, 20, 28)],
        *[[8, 8]] * 2, *[[24, 8]] * 2,
    ]  # fmt: skip


def test_a_region_is_scaled_into_the_top_left_and_the_rest_is_neutral() -> None:
    shown = render_region(PICTURE, Extent(0, 0, 60, 40), 0.5, 40, 40)
    assert (shown[:20, :30] == 200).all()
    assert (shown[20:] == NEUTRAL).all()
    assert (shown[:, 30:] == NEUTRAL).all()


def test_what_lies_beyond_the_picture_is_neutral() -> None:
    shown = render_region(PICTURE, Extent(-10, -10, 30, 30), 1.0, 40, 40)
    assert (shown[10:, 10:] == 200).all()
    assert (shown[:10] == NEUTRAL).all()
    assert (shown[:, :10] == NEUTRAL).all()
    assert (render_region(PICTURE, Extent(70, 0, 90, 20), 1.0, 8, 8) == NEUTRAL).all()


def test_a_pyramid_shows_a_region_as_the_picture_does(astronaut: Picture) -> None:
    for region in (Extent(0, 0, 512, 512), Extent(-100, 50, 300, 450), Extent(101.5, 7.2, 420.1, 326.9)):
        scale = 32 / (region.right - region.left)
        shown = render_region(Pyramid(astronaut), region, scale, 32, 32)
        expected = render_region(astronaut, region, scale, 32, 32)
        assert np.abs(shown.astype(int) - expected).mean() < 6  # of 255: a level's pixels lie where the level says


def test_a_file_that_is_not_installed_is_named() -> None:
    with pytest.raises(DetectorUnavailable, match=r"absent\.tflite"):
        locate_weights("absent.tflite")


def test_a_damaged_file_is_noticed_when_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "weights.tflite"
    damaged.write_bytes(locate_weights(BACK_CAMERA.file_name).read_bytes()[:1000])
    monkeypatch.setattr(blazeface_network, "locate_weights", lambda _name: damaged)
    with pytest.raises(ValueError, match="model"):
        BlazeFaceNetwork(BACK_CAMERA)


def test_each_size_has_a_network_of_its_own() -> None:
    network = BlazeFaceNetwork(BACK_CAMERA)
    sized = [network._find_sized(side, side) for side in (256, 288, 256)]
    assert sized[0] is sized[2]
    assert sized[0]._interpreter is not sized[1]._interpreter
