import numpy as np

from tests.support.astronaut import assert_is_the_astronauts_face
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture


def test_cnn_finds_the_face(half_astronaut: Picture) -> None:
    detector = load_detector("cnn")
    (detection,) = detector.detect(half_astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection, 0.5)
    assert detector.detect(np.zeros((3, 200, 3), np.uint8)) == []
