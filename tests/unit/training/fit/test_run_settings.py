import json
from dataclasses import replace
from pathlib import Path

import pytest

from db.core.vocabulary import Architecture
from training.errors import RunError
from training.fit.run_settings import (
    Folders,
    Origin,
    claim_run_dir,
    has_run,
    read_run_folders,
    read_run_origin,
    read_run_settings,
)
from training.fit.settings import RECIPES, TrainSettings

ORIGIN = Origin("d" * 64, "p" * 64, ("t" * 64,))


def make_settings(folder: Path) -> TrainSettings:
    return TrainSettings(folder / "faces.csv", "hard", Architecture.REPORT, RECIPES[Architecture.REPORT], seed=3)


def test_a_run_comes_back_as_it_was_claimed(tmp_path: Path) -> None:
    run_dir, settings = tmp_path / "run", make_settings(tmp_path)
    assert not has_run(run_dir)
    claim_run_dir(run_dir, settings, ORIGIN, Folders(tmp_path / "parent", (tmp_path / "teacher",)))
    assert (read_run_settings(run_dir), read_run_origin(run_dir)) == (settings, ORIGIN)
    assert read_run_folders(run_dir) == Folders(tmp_path / "parent", (tmp_path / "teacher",))
    claim_run_dir(run_dir, settings, ORIGIN)
    assert read_run_folders(run_dir).initial_weights == tmp_path / "parent", "what was claimed first stays"


def test_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    claim_run_dir(tmp_path / "run", settings, ORIGIN)
    for other, origin, named in (
        (replace(settings, seed=4), ORIGIN, "settings"),
        (settings, replace(ORIGIN, parent=None), "parent"),
        (settings, replace(ORIGIN, teachers=()), "teachers"),
        (replace(settings, seed=4), replace(ORIGIN, dataset_sha256="e" * 64), "settings and dataset_sha256"),
    ):
        with pytest.raises(RunError, match=f"different {named}$"):
            claim_run_dir(tmp_path / "run", other, origin)


def test_a_folder_of_an_earlier_release_names_no_teachers(tmp_path: Path) -> None:
    claim_run_dir(tmp_path / "run", make_settings(tmp_path), Origin("d" * 64))
    path = tmp_path / "run/settings.json"
    stored = json.loads(path.read_text())
    del stored["teachers"], stored["folders"]
    path.write_text(json.dumps(stored))
    assert read_run_origin(tmp_path / "run") == Origin("d" * 64)
    assert read_run_folders(tmp_path / "run") == Folders()


def test_where_there_is_no_run_it_is_said(tmp_path: Path) -> None:
    for read in (read_run_settings, read_run_origin, read_run_folders):
        with pytest.raises(RunError, match="no training run"):
            read(tmp_path)
