"""The configured evaluation sets, on which the gate compares models."""

from emoscope.settings import Settings
from training.evaluation.sets import EvaluationSet
from worker.analysis.detectors.loading import load_detector
from worker.analysis.photo_sets import list_labelled_photos, read_photo_set


def check_evaluation_sets(settings: Settings) -> None:
    """Read the labels of every set, so that a run fails before hours of training. Raises DatasetError."""
    for path in settings.evaluation_set_paths:
        list_labelled_photos(path)


def read_evaluation_sets(settings: Settings) -> list[EvaluationSet]:
    """Detect and crop the faces of every set with the service's detector. Raises DatasetError, DetectorUnavailable."""
    paths = settings.evaluation_set_paths
    if not paths:
        return []
    detector = load_detector(settings.detector, weights=settings.find_weights(settings.detector))
    return [read_photo_set(path, detector, min_face_px=settings.min_face_px) for path in paths]
