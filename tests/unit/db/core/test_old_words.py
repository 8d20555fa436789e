"""Documents of earlier releases: the manifests of the versions that ship were written by one."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from db.core.old_words import translate_labels, translate_manifest, translate_recipe, translate_settings
from db.core.vocabulary import CROP_SIDE, Architecture
from training.export.artifact import list_pretrained, parse_manifest, read_manifest
from training.fit.recipe_file import read_recipe
from training.fit.run_settings import claim_run_dir, read_run_origin, read_run_settings
from training.fit.settings import RECIPES, Stage, TrainSettings

OLD = {name: json.loads((folder / "manifest.json").read_text()) for name, folder in list_pretrained().items()}
OLD_RECIPE = {
    "averaging": 0.998, "mirrored": True, "framings": [42, 52], "held_out": 0.05, "keep": "loss",
    "stages": [{"until": 1.0, "side": 40}], "augmentation": {"mirror": True, "erase": 0.25},
}  # fmt: skip


@pytest.mark.parametrize("name", OLD)
def test_a_stored_manifest_says_the_same_in_the_words_of_this_release(name: str) -> None:
    old, new = OLD[name], read_manifest(list_pretrained()[name])
    assert old["schema_version"] < 3, (
        "a shipped version's manifest can't be rewritten: its digest is what installations know"
    )
    assert (new.flip, list(new.crop_scales)) == (old["mirrored"], old.get("framings", [CROP_SIDE]))
    assert new.labels == {"single": "hard", "votes": "soft"}[old["lineage"]["labels"]]
    assert new.lineage.row_counts["training"] == old["lineage"]["row_counts"]["teaching"]
    assert new.lineage.row_counts["validation"] == old["lineage"]["row_counts"]["held_out"]
    assert len(new.lineage.row_counts) == len(old["lineage"]["row_counts"])
    recipe, before = TrainSettings.from_json(old["lineage"]["settings"]).recipe, old["lineage"]["settings"]["recipe"]
    assert (recipe.validation_share, recipe.flip) == (before["held_out"], before["mirrored"])
    assert recipe.input_size == before.get("stages", [{"side": CROP_SIDE}])[-1]["side"]
    assert recipe.augmentation.random_erasing == before["augmentation"]["erase"]


@pytest.mark.parametrize("name", OLD)
def test_what_is_written_has_the_new_words_alone_and_is_read_alike(name: str) -> None:
    manifest = read_manifest(list_pretrained()[name])
    written = json.dumps(manifest.to_json())
    assert parse_manifest(json.loads(written)) == manifest
    for word in ("mirrored", "framings", "averaging", "teaching", "held_out", "side", "keep", "single"):
        assert f'"{word}"' not in written, word
    assert translate_manifest(json.loads(written)) == json.loads(written)


def test_a_recipe_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps(OLD_RECIPE))
    recipe = read_recipe(tmp_path / "old.json", RECIPES[Architecture.REPORT])
    assert (recipe.ema, recipe.flip, recipe.crop_scales, recipe.validation_share) == (0.998, True, (42, 52), 0.05)
    assert (recipe.monitor, recipe.stages) == ("loss", (Stage(1.0, 40),))
    assert (recipe.augmentation.flip, recipe.augmentation.random_erasing) == (True, 0.25)


def test_a_run_that_an_earlier_release_began_goes_on(tmp_path: Path) -> None:
    settings = TrainSettings.from_json(OLD["report"]["lineage"]["settings"])
    stored = {"settings": OLD["report"]["lineage"]["settings"], "dataset_sha256": "d" * 64, "parent": None}
    (tmp_path / "settings.json").write_text(json.dumps(stored))
    assert read_run_settings(tmp_path) == settings
    claim_run_dir(tmp_path, settings, read_run_origin(tmp_path))


def test_new_words_and_unknown_ones_are_left_alone() -> None:
    new = {"ema": 0.5, "flip": False, "stages": [{"until": 1.0, "input_size": 24}], "augmentation": {"flip": True}}
    assert translate_recipe(new) == new
    assert translate_settings({"labels": "soft", "recipe": new}) == {"labels": "soft", "recipe": new}
    assert [translate_labels(word) for word in ("votes", "hard", "odd", None)] == ["soft", "hard", "odd", None]
    with pytest.raises(ValidationError):
        TrainSettings.from_json({"labels": "odd"})
