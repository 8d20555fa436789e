"""Imports face_recognition for its detectors only, without its side effects."""

import importlib
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from PIL import ImageFile

from worker.analysis.detectors.base import DetectorUnavailable


def import_face_recognition() -> ModuleType:
    """Import the module that contains face_recognition's detectors.

    Its networks for landmarks and face encodings aren't loaded: 131 MB that nothing here uses, and whose files the images don't
    contain. Raises DetectorUnavailable if it isn't installed.
    """
    tolerates_truncated = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        with warnings.catch_warnings():
            # its models package imports pkg_resources, which prints a deprecation warning
            warnings.filterwarnings("ignore", message=".*pkg_resources", category=UserWarning)
            warnings.filterwarnings("ignore", message=".*pkg_resources", category=DeprecationWarning)
            with _leave_out("shape_predictor", "face_recognition_model_v1"):
                return importlib.import_module("face_recognition.api")
    except ImportError as error:
        raise DetectorUnavailable(
            "The hog and cnn detectors need the package face-recognition: install emoscope[worker]."
        ) from error
    finally:
        # it makes Pillow accept truncated files in the whole process: broken photos would be decoded as partly grey
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerates_truncated


@contextmanager
def _leave_out(*names: str) -> Iterator[None]:
    """Replace dlib's loaders of these classes with ones that load nothing, inside the block."""
    package = importlib.import_module("dlib")
    kept = {name: getattr(package, name) for name in names}
    for name in names:
        setattr(package, name, lambda _path: None)
    try:
        yield
    finally:
        for name, loader in kept.items():
            setattr(package, name, loader)


def margin_to_score(margin: float) -> float:
    """Map the signed distance from dlib's decision boundary to 0..1; the boundary itself, dlib's threshold, is 0.5."""
    return 1 / (1 + math.exp(-margin))


def score_to_margin(score: float) -> float:
    """Invert `margin_to_score`, for 0 < score < 1; other scores are clamped."""
    bounded = min(max(score, 1e-3), 1 - 1e-3)
    return math.log(bounded / (1 - bounded))
