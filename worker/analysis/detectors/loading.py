"""Loads detectors by the names that jobs and settings use. Each is an entry of `vocabulary.Detector` and a module with that
name.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from db.core.vocabulary import Detector as DetectorName
from worker.analysis.detectors.base import Detector


def load_detector(name: DetectorName | str, *, weights: Path | None = None) -> Detector:
    """Return the detector with that name, loaded. Only its own packages are imported.

    weights: its weights file, if its entry names a setting for one. Raises ValueError for an unknown name, DetectorUnavailable if
    a package or file is missing.
    """
    detector = _find_class(DetectorName(name))(weights)
    detector.load()
    return detector


def list_available_detectors(find_weights: Callable[[DetectorName], Path | None]) -> list[DetectorName]:
    """List the detectors whose packages and files are on this machine, without importing them.

    find_weights: returns the configured weights file of a detector.
    """
    return [
        name
        for name in DetectorName
        if all(find_spec(package) is not None for package in name.packages)
        and (not name.weights_setting or _is_file(find_weights(name)))
    ]


def _is_file(weights: Path | None) -> bool:
    return weights is not None and weights.is_file()


def _find_class(name: DetectorName) -> type[Detector]:
    module = import_module(f"{__package__}.{name.value}")
    classes = (each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Detector))
    return next(each for each in classes if getattr(each, "name", None) == name)
