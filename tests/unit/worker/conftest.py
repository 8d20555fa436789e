"""Real photos, the real default detector and the shipped model."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emoscope.stack.demo_photos import DemoPhoto, compose_page, load_portrait, portrait_photo
from training.export.artifact import list_pretrained
from worker.analysis.classifier import Classifier, load_classifier
from worker.analysis.detectors.blazeface import BlazeFaceDetector
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture


@pytest.fixture(scope="session")
def astronaut() -> Picture:
    """The portrait's pixels, 512x512; its face lies at (174, 70), 105 pixels wide."""
    return np.array(load_portrait("astronaut").image)


@pytest.fixture(scope="session")
def astronaut_photo() -> DemoPhoto:
    return portrait_photo("astronaut")


@pytest.fixture(scope="session")
def page_photo() -> DemoPhoto:
    return compose_page()


@pytest.fixture(scope="session")
def page(page_photo: DemoPhoto) -> Picture:
    """Seven faces, 1280x960."""
    return np.array(Image.open(io.BytesIO(page_photo.data)))


@pytest.fixture(scope="session")
def blazeface() -> BlazeFaceDetector:
    detector = load_detector("blazeface")
    assert isinstance(detector, BlazeFaceDetector)
    return detector


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The version that ships and a new installation puts into service."""
    return next(iter(list_pretrained().values()))


@pytest.fixture(scope="session")
def classifier(model_dir: Path) -> Classifier:
    return load_classifier(model_dir, "litert")
