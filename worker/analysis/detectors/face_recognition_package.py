"""Importing face_recognition for its detectors alone, and without its side effects."""

import importlib
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from PIL import ImageFile

from worker.analysis.detectors.base import DetectorUnavailable


def import_face_recognition() -> ModuleType:
    """Import the module that holds face_recognition's detectors.

    Its networks for landmarks and face encodings aren't loaded: 131 MB that nothing here uses. Images don't even have their files.
    Raises DetectorUnavailable where it isn't installed.
    """
    tolerates_truncated = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        with warnings.catch_warnings():
            # Its models package asks for pkg_resources, which says at every import that it is deprecated.
            warnings.filterwarnings("ignore", message=".*pkg_resources", category=UserWarning)
            warnings.filterwarnings("ignore", message=".*pkg_resources", category=DeprecationWarning)
            with _leave_out("shape_predictor", "face_recognition_model_v1"):
                return importlib.import_module("face_recognition.api")
    except ImportError as error:
        raise DetectorUnavailable(
            "The hog and cnn detectors need the package face-recognition: install emoscope[worker]."
        ) from error
    finally:
        # It also makes Pillow accept half a file for the whole process: broken photos would pass as grey ones.
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerates_truncated


@contextmanager
def _leave_out(*names: str) -> Iterator[None]:
    """Let dlib's loaders of these kinds load nothing inside the block."""
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
    """Map the signed distance from dlib's decision boundary to 0..1; the boundary itself, where dlib stops, is 0.5."""
    return 1 / (1 + math.exp(-margin))


def score_to_margin(score: float) -> float:
    """The inverse of `margin_to_score`, for 0 < score < 1; beyond, the nearest that makes sense."""
    bounded = min(max(score, 1e-3), 1 - 1e-3)
    return math.log(bounded / (1 - bounded))
