"""Which detectors a machine has."""

import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from db.core.vocabulary import Detector
from worker.analysis.detectors import loading
from worker.analysis.detectors.blazeface import BlazeFaceDetector
from worker.analysis.detectors.loading import list_available_detectors, load_detector


def find_no_weights(_: Detector) -> None:
    return None


def test_every_detector_is_listed_whose_packages_and_files_are_here(tmp_path: Path) -> None:
    weights = tmp_path / "yunet.onnx"
    assert list_available_detectors(find_no_weights) == [each for each in Detector if each is not Detector.YUNET]
    assert Detector.YUNET not in list_available_detectors({Detector.YUNET: weights}.get)
    weights.touch()
    assert set(list_available_detectors({Detector.YUNET: weights}.get)) == set(Detector)


def test_a_missing_package_takes_its_detectors_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda name: None if name == "face_recognition" else find_spec(name))
    assert {Detector.HOG, Detector.CNN}.isdisjoint(list_available_detectors(find_no_weights))


def test_a_module_of_its_name_is_all_that_a_detector_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    class LobsterDetector(BlazeFaceDetector):
        name = "lobster"

    module = ModuleType("worker.analysis.detectors.lobster")
    module.__dict__.update(BlazeFaceDetector=BlazeFaceDetector, LobsterDetector=LobsterDetector)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(loading, "DetectorName", StrEnum("DetectorName", {"LOBSTER": "lobster"}))
    assert type(load_detector("lobster")) is LobsterDetector


@pytest.mark.parametrize("name", Detector)
def test_each_entry_has_its_module_with_a_detector_of_that_name(name: Detector) -> None:
    assert loading._find_class(name).name == name


def test_unknown_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="haar"):
        load_detector("haar")
