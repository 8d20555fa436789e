import numpy as np

from tests.support.astronaut import assert_is_the_astronauts_face
from worker.analysis.detectors.base import Detector
from worker.analysis.detectors.face_recognition_package import import_face_recognition
from worker.analysis.resize import Picture


def test_hog_finds_the_face_that_face_recognition_finds(hog: Detector, astronaut: Picture) -> None:
    (detection,) = hog.detect(astronaut, min_face_px=80)
    assert_is_the_astronauts_face(detection)
    ((top, right, bottom, left),) = import_face_recognition().face_locations(astronaut, number_of_times_to_upsample=0)
    assert detection.box[:2] == (left, top)
    assert detection.box[2:] == (right - left + 1, bottom - top + 1)
    assert detection.eyes is None


def test_hog_enlarges_small_pictures(hog: Detector, half_astronaut: Picture) -> None:
    (detection,) = hog.detect(half_astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection, 0.5)


def test_hog_bounds_its_working_size_and_gives_boxes_at_full_size(hog: Detector, astronaut: Picture) -> None:
    large = np.repeat(np.repeat(astronaut, 6, axis=0), 6, axis=1)
    (detection,) = hog.detect(large, min_face_px=80)
    assert_is_the_astronauts_face(detection, 6)


def test_threshold_decides_what_counts_as_a_face(hog: Detector, astronaut: Picture) -> None:
    (detection,) = hog.detect(astronaut, min_face_px=80, threshold=0.1)[:1]
    assert hog.detect(astronaut, min_face_px=80, threshold=detection.score + 0.01) == []
    assert len(hog.detect(astronaut, min_face_px=80, threshold=0.2)) >= 1
