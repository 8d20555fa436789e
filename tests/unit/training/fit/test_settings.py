import dataclasses
import json
from pathlib import Path
from typing import Any

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
from training.fit.settings import RECIPES, Stage, TrainSettings

ORIGIN = Origin("a" * 64, parent="b" * 64, teachers=("d" * 64,))


def make_settings(architecture: Architecture = Architecture.DEFAULT, **changes: Any) -> TrainSettings:
    recipe = dataclasses.replace(RECIPES[architecture], **changes)
    return TrainSettings(Path("/data/faces.csv"), "soft", architecture, recipe, Path("/data/votes.csv"), seed=3)


@pytest.mark.parametrize("architecture", Architecture)
def test_settings_come_back_from_json_as_they_were(architecture: Architecture) -> None:
    settings = make_settings(architecture)
    assert TrainSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_the_reports_recipe_is_the_reports() -> None:
    recipe = RECIPES[Architecture.REPORT]
    assert (recipe.epochs, recipe.learning_rate, recipe.schedule, recipe.weight_decay) == (100, 1e-4, "inverse", 0)
    assert recipe.augmentation.is_identity
    assert (recipe.flip, recipe.crop_scales) == (False, (48,))


def test_each_epoch_belongs_to_one_stage_and_the_last_stage_is_what_is_served() -> None:
    recipe = dataclasses.replace(
        RECIPES[Architecture.DEFAULT], epochs=10, stages=(Stage(0.5, 24), Stage(0.8, 32), Stage(1, 48))
    )
    assert [recipe.find_input_size(epoch) for epoch in range(10)] == [24] * 5 + [32] * 3 + [48] * 2
    assert recipe.input_size == 48


@pytest.mark.parametrize("changes", [{"epochs": -1}, {"batch_size": 0}])
def test_impossible_settings_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="at least 1"):
        make_settings(**changes)


@pytest.mark.parametrize("changes", [{"seed": -1}, {"split_seed": -1}, {"seed": 2**31}])
def test_seeds_that_nothing_can_be_drawn_from_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="seeds are whole numbers from 0"):
        dataclasses.replace(make_settings(), **changes)


def test_a_run_folder_remembers_its_settings_and_takes_no_others(tmp_path: Path) -> None:
    settings = make_settings()
    assert not has_run(tmp_path)
    claim_run_dir(tmp_path, settings, ORIGIN)
    claim_run_dir(tmp_path, settings, ORIGIN)
    assert read_run_settings(tmp_path) == settings
    assert read_run_origin(tmp_path) == ORIGIN
    with pytest.raises(RunError, match="different dataset_sha256 and parent and teachers"):
        claim_run_dir(tmp_path, settings, Origin("c" * 64))
    with pytest.raises(RunError, match="different settings"):
        claim_run_dir(tmp_path, make_settings(epochs=2), ORIGIN)


def test_a_run_of_an_earlier_release_goes_on(tmp_path: Path) -> None:
    """Its file names neither teachers nor the fields that recipes have got since."""
    settings, origin = make_settings(), Origin("a" * 64)
    claim_run_dir(tmp_path, settings, origin)
    stored = json.loads((tmp_path / "settings.json").read_text())
    del stored["teachers"], stored["folders"], stored["settings"]["recipe"]["teacher_share"]
    (tmp_path / "settings.json").write_text(json.dumps(stored))
    claim_run_dir(tmp_path, settings, origin)
    assert (read_run_settings(tmp_path), read_run_origin(tmp_path)) == (settings, origin)
    assert read_run_folders(tmp_path) == Folders()


def test_a_run_folder_remembers_where_its_versions_lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    claim_run_dir(Path("run"), make_settings(), ORIGIN, Folders(Path("parent"), (Path("first"), Path("/second"))))
    claim_run_dir(Path("run"), make_settings(), ORIGIN)
    found = read_run_folders(Path("run"))
    assert found == Folders(tmp_path / "parent", (tmp_path / "first", Path("/second")))


def test_a_recipe_is_changed_by_the_fields_of_a_file() -> None:
    base = RECIPES[Architecture.DEFAULT]
    changed = base.change(
        {"epochs": 5, "stages": [{"until": 1.0, "input_size": 40}], "augmentation": {"rotation_deg": 8}}
    )
    assert (changed.epochs, changed.stages, changed.batch_size) == (5, (Stage(1.0, 40),), base.batch_size)
    assert changed.augmentation == dataclasses.replace(base.augmentation, rotation_deg=8)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"epoch": 5}, "epoch"),
        ({"epochs": "many"}, "epochs"),
        ({"schedule": "steps"}, "schedule"),
        ({"stages": []}, "stages"),
        ({"augmentation": {"fog": 1}}, "augmentation.fog"),
        ({"augmentation": {"blur": 30}}, "augmentation.blur"),
        ({"mixup": -1}, "mixup"),
        ({"crop_scales": []}, "crop_scales"),
        ({"crop_scales": [48, 45]}, "crop_scales.1"),
        ({"crop_scales": [100]}, "crop_scales.0"),
        ({"teacher_share": 1.5}, "teacher_share"),
    ],
)
def test_a_field_that_a_recipe_has_not_is_named(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(RunError, match=problem):
        RECIPES[Architecture.DEFAULT].change(fields)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_some_rows_teach_and_some_are_held_out(share: float) -> None:
    with pytest.raises(RunError, match="validation_share"):
        RECIPES[Architecture.DEFAULT].change({"validation_share": share})


def test_the_reports_networks_see_faces_of_one_size() -> None:
    with pytest.raises(RunError, match="48 pixels"):
        make_settings(Architecture.REPORT, stages=(Stage(1.0, 32),))
