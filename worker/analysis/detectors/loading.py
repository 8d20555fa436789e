"""Detectors by the names that jobs and settings use."""

from importlib.util import find_spec
from pathlib import Path

from db.core.vocabulary import Detector as DetectorName
from worker.analysis.detectors.base import Detector


def load_detector(name: DetectorName | str, *, yunet_weights: Path | None = None) -> Detector:
    """Make the detector of that name, loaded and warm. Only its own packages are imported.

    yunet_weights: the .onnx file of the `yunet` detector; the others don't look at it.
    Raises ValueError for an unknown name, DetectorUnavailable where a package or file is missing.
    """
    detector = _make_detector(DetectorName(name), yunet_weights)
    detector.load()
    return detector


_PACKAGES: dict[DetectorName, tuple[str, ...]] = {
    DetectorName.BLAZEFACE: ("ai_edge_litert", "cv2"),
    DetectorName.HOG: ("face_recognition",),
    DetectorName.CNN: ("face_recognition",),
    DetectorName.MTCNN: ("mtcnn", "tensorflow"),
    DetectorName.YUNET: ("cv2",),
}


def list_available_detectors(yunet_weights: Path | None) -> list[DetectorName]:
    """The detectors whose packages and files are on this machine. Imports none of them."""
    return [
        name
        for name, packages in _PACKAGES.items()
        if all(find_spec(package) is not None for package in packages)
        and (name is not DetectorName.YUNET or (yunet_weights is not None and yunet_weights.is_file()))
    ]


def _make_detector(name: DetectorName, yunet_weights: Path | None) -> Detector:
    match name:
        case DetectorName.BLAZEFACE:
            from worker.analysis.detectors.blazeface import BlazeFaceDetector

            return BlazeFaceDetector()
        case DetectorName.HOG:
            from worker.analysis.detectors.hog import HogDetector

            return HogDetector()
        case DetectorName.CNN:
            from worker.analysis.detectors.cnn import CnnDetector

            return CnnDetector()
        case DetectorName.MTCNN:
            from worker.analysis.detectors.mtcnn import MtcnnDetector

            return MtcnnDetector()
        case DetectorName.YUNET:
            from worker.analysis.detectors.yunet import YunetDetector

            return YunetDetector(yunet_weights)
