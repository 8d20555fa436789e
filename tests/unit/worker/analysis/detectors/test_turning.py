import numpy as np
import pytest

from worker.analysis.crops import crop_faces, measure_roll
from worker.analysis.detectors.base import Candidates
from worker.analysis.detectors.blazeface import BlazeFaceDetector
from worker.analysis.detectors.turning import list_turns, turn_back
from worker.analysis.resize import Picture


@pytest.mark.parametrize("place", [(3, 5), (20, 0), (0, 29)])
def test_a_place_found_in_a_turned_picture_is_that_place_in_the_picture(place: tuple[int, int]) -> None:
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[place] = 255
    for quarters, turned in list_turns(picture):
        (y, x), *_ = np.argwhere(turned[..., 0]).tolist()
        found = Candidates(
            np.array([[x, y, x + 1, y + 1]], np.float32),
            np.ones(1, np.float32),
            np.array([[[x, y], [x, y]]], np.float32),
        )
        left, top, right, bottom = turn_back(found, quarters, 40, 30).extents[0].tolist()
        assert (top, left) == place
        assert (right - left, bottom - top) == (1, 1)


@pytest.fixture(scope="module")
def portrait() -> Picture:
    astronaut: Picture = pytest.importorskip("skimage.data").astronaut()
    return astronaut[:300, 80:380]


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_face_on_its_side_is_found_and_cut_out_upright(portrait: Picture, quarters: int) -> None:
    detector = BlazeFaceDetector()
    detector.load()
    upright = detector.detect(portrait)[0]
    side = portrait.shape[0]
    lying = np.ascontiguousarray(np.rot90(portrait, quarters))
    found = detector.detect(lying)[0]
    assert abs(measure_roll(found.eyes, found.box.width)) == pytest.approx(np.pi / 2, abs=0.35)
    center = (upright.box.x + upright.box.width / 2, upright.box.y + upright.box.height / 2)
    turned = (center[1], side - center[0]) if quarters == 1 else (side - center[1], center[0])
    assert found.box.x + found.box.width / 2 == pytest.approx(turned[0], abs=12)
    assert found.box.y + found.box.height / 2 == pytest.approx(turned[1], abs=12)
    crops = crop_faces(portrait, [upright], detector.geometry), crop_faces(lying, [found], detector.geometry)
    assert np.corrcoef(crops[0].ravel(), crops[1].ravel())[0, 1] > 0.6
