"""dlib's detector, loaded once a module, and a picture small enough for it."""

import numpy as np
import pytest

from worker.analysis.detectors.base import Detector
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture


@pytest.fixture(scope="module")
def hog() -> Detector:
    return load_detector("hog")


@pytest.fixture(scope="module")
def half_astronaut(astronaut: Picture) -> Picture:
    """Small enough for dlib's convolutional detector on a CPU; the face is 52 pixels wide."""
    return np.ascontiguousarray(astronaut[::2, ::2])
