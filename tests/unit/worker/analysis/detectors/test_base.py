import numpy as np
import pytest

from worker.analysis.detectors.base import (
    Box,
    Candidates,
    CropGeometry,
    Detector,
    Extent,
    clip_to_box,
)
from worker.analysis.resize import Picture


def test_smaller_faces_than_wanted_are_left_out(hog: Detector, blazeface: Detector, astronaut: Picture) -> None:
    for detector in (hog, blazeface):
        assert detector.detect(astronaut, min_face_px=130) == []


@pytest.mark.parametrize(
    ("extent", "box"),
    [
        (Extent(1.4, 2.6, 10.5, 12.4), Box(1, 3, 9, 9)),
        (Extent(-5, -5, 10, 10), Box(0, 0, 10, 10)),
        (Extent(90, 40, 130, 70), Box(90, 40, 10, 10)),
        (Extent(100, 0, 120, 10), None),
        (Extent(-9, 3, -1, 8), None),
        (Extent(5.1, 5, 5.4, 9), None),
    ],
)
def test_a_box_is_rounded_and_cut_off_at_the_pictures_edges(extent: Extent, box: Box | None) -> None:
    assert clip_to_box(extent, 100, 50) == box


class Fixed(Detector):
    """Finds what it is told."""

    name = "fixed"
    default_threshold = 0.5
    geometry = CropGeometry(0, 0)

    def __init__(self, *faces: tuple[float, float, float, float, float]) -> None:
        self.faces = np.array(faces, np.float32).reshape(-1, 5)

    def load(self) -> None:
        pass

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        return Candidates(self.faces[:, :4], self.faces[:, 4])


PICTURE = np.zeros((100, 100, 3), np.uint8)


def test_faces_come_surest_first_and_what_is_weak_small_or_outside_stays_out() -> None:
    detector = Fixed(
        (0, 0, 40, 40, 0.6), (50, 50, 90, 90, 1.2), (0, 0, 20, 10, 0.9), (0, 0, 40, 40, 0.4), (200, 0, 240, 40, 1)
    )
    found = detector.detect(PICTURE)
    assert [(each.box, round(each.score, 6), each.eyes) for each in found] == [
        (Box(50, 50, 40, 40), 1.0, None),
        (Box(0, 0, 40, 40), 0.6, None),
    ]
    assert [each.score for each in detector.detect(PICTURE, min_face_px=20, threshold=0.7)] == pytest.approx([1.0, 0.9])
    assert Fixed().detect(PICTURE) == []


def test_candidates_keep_faces_and_eyes_together() -> None:
    eyes = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    both = Candidates(np.array([[0, 0, 4, 4], [1, 1, 3, 3]], np.float32), np.array([0.1, 0.2], np.float32), eyes)
    moved = both.scaled(2).moved(10, 20).take(np.array([1]))
    assert (moved.extents.tolist(), moved.scores.tolist()) == ([[12, 22, 16, 26]], pytest.approx([0.2]))
    assert moved.eyes is not None
    assert moved.eyes.tolist() == [[[18, 30], [22, 34]]]
