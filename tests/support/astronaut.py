"""Where the face of the portrait `astronaut` is."""

import pytest

from worker.analysis.detectors.base import Detection


def assert_is_the_astronauts_face(detection: Detection, scale: float = 1.0) -> None:
    box = detection.box
    assert box.x + box.width / 2 == pytest.approx(226 * scale, abs=15 * scale)
    assert box.y + box.height / 2 == pytest.approx(122 * scale, abs=15 * scale)
    assert 0.6 < max(box.width, box.height) / (105 * scale) < 1.5
    assert 0.5 < detection.score <= 1
