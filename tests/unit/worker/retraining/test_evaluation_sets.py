"""The evaluation sets of the settings."""

from pathlib import Path

import pytest

from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from training.errors import DatasetError
from worker.retraining import evaluation_sets
from worker.retraining.evaluation_sets import check_evaluation_sets, read_evaluation_sets


def make_settings(folder: Path, *sets: Path) -> Settings:
    return Settings(_env_file=None, data_dir=folder, evaluation_sets=",".join(map(str, sets)))


def test_a_set_that_cannot_be_read_is_refused_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        check_evaluation_sets(make_settings(tmp_path, tmp_path / "absent"))


def test_the_faces_of_each_set_are_found_by_the_services_own_detector(tmp_path: Path) -> None:
    folder = tmp_path / "portraits" / "happy"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(portrait_photo("astronaut").data)
    settings = make_settings(tmp_path, tmp_path / "portraits")
    check_evaluation_sets(settings)
    [found] = read_evaluation_sets(settings)
    assert (found.name, len(found.crops), len(found.missed)) == ("portraits", 1, 0)


def test_without_sets_no_detector_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(evaluation_sets, "load_detector")
    assert read_evaluation_sets(make_settings(tmp_path)) == []
