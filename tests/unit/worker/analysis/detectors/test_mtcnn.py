import numpy as np
import pytest

from tests.support.astronaut import assert_is_the_astronauts_face
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture


def test_mtcnn_finds_the_face_and_its_eyes(astronaut: Picture) -> None:
    detector = load_detector("mtcnn")
    (detection,) = detector.detect(astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection)
    assert detection.eyes is not None
    assert detection.eyes.left == pytest.approx((205, 102), abs=6)
    assert detection.eyes.right == pytest.approx((247, 104), abs=6)
    for shape in ((1, 1, 3), (3000, 2, 3), (30, 30, 3)):
        assert detector.detect(np.full(shape, 128, np.uint8)) == []
