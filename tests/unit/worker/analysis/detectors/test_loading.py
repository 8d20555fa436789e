"""Which detectors a machine has."""

from pathlib import Path

import pytest

from db.core.vocabulary import Detector
from worker.analysis.detectors import loading
from worker.analysis.detectors.loading import list_available_detectors, load_detector


def test_every_detector_is_listed_whose_packages_and_files_are_here(tmp_path: Path) -> None:
    weights = tmp_path / "yunet.onnx"
    assert list_available_detectors(None) == [each for each in Detector if each is not Detector.YUNET]
    assert Detector.YUNET not in list_available_detectors(weights)
    weights.touch()
    assert set(list_available_detectors(weights)) == set(Detector)


def test_a_missing_package_takes_its_detectors_away(monkeypatch: pytest.MonkeyPatch) -> None:
    found = loading.find_spec
    monkeypatch.setattr(loading, "find_spec", lambda name: None if name == "face_recognition" else found(name))
    assert {Detector.HOG, Detector.CNN}.isdisjoint(list_available_detectors(None))


def test_unknown_detector_is_refused():
    with pytest.raises(ValueError, match="haar"):
        load_detector("haar")
