import json
from pathlib import Path

import pytest

from db.core.vocabulary import PRETRAINED_CHAMPION, Architecture
from training.errors import ArtifactError, RunError
from training.export.artifact import PRETRAINED_DIR, read_manifest
from training.fit.recipe_file import read_recipe
from training.fit.settings import RECIPES

BASE = RECIPES[Architecture.DEFAULT]


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"epochs": 3, "dropout": 0.1}))
    recipe = read_recipe(path, BASE)
    assert (recipe.epochs, recipe.dropout, recipe.augmentation) == (3, 0.1, BASE.augmentation)


def test_a_versions_folder_gives_the_recipe_that_made_it() -> None:
    folder = PRETRAINED_DIR / PRETRAINED_CHAMPION
    stored = read_manifest(folder).lineage.settings["recipe"]
    recipe = read_recipe(folder, RECIPES[Architecture.REPORT])
    assert (recipe.epochs, recipe.weight_decay, recipe.input_size) == (
        stored["epochs"],
        stored["weight_decay"],
        stored["stages"][-1]["input_size"],
    )


@pytest.mark.parametrize(
    ("content", "problem"), [("{", "is not JSON"), ("[1]", "is not a JSON object"), ('{"epoch": 1}', "epoch")]
)
def test_anything_else_is_refused_by_name(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content)
    with pytest.raises(RunError, match=problem):
        read_recipe(path, BASE)


def test_a_path_with_nothing_behind_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"none\.json can't be read"):
        read_recipe(tmp_path / "none.json", BASE)
    with pytest.raises(ArtifactError):
        read_recipe(tmp_path, BASE)
