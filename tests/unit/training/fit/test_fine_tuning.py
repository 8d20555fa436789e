from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.model_versions.manifest import Manifest
from training.data.augmentation import Augmentation
from training.export.artifact import list_pretrained, read_manifest
from training.fit.fine_tuning import FINE_TUNING_RATE, choose_settings, choose_votes, find_split, hold_out_like
from training.fit.settings import RECIPES, Labels, Stage, TrainSettings

CSV, VOTES = Path("faces.csv"), Path("votes.csv")
CHAMPION = read_manifest(next(iter(list_pretrained().values())))
RECIPE = RECIPES[CHAMPION.network]


def choose(champion: Manifest = CHAMPION, **changes: object) -> TrainSettings:
    given = {"labels": "soft", "from_scratch": False, "epochs": 7, "learning_rate": None, "seed": 3} | changes
    return choose_settings(champion, CSV, VOTES, **given)  # type: ignore[arg-type]


def make_champion(**lineage: Any) -> Manifest:
    return CHAMPION.model_copy(update={"lineage": replace(CHAMPION.lineage, **lineage)})


def test_a_run_from_trained_weights_takes_small_steps_over_faces_of_their_final_size() -> None:
    settings = choose()
    assert (settings.architecture, settings.recipe.epochs, settings.seed) == (CHAMPION.architecture, 7, 3)
    assert settings.recipe.learning_rate == RECIPE.learning_rate * FINE_TUNING_RATE
    assert {settings.recipe.find_input_size(epoch) for epoch in range(7)} == {RECIPE.stages[-1].input_size}
    assert (settings.recipe.ema, settings.recipe.warmup_epochs) == (0.0, 0.0)
    assert choose(learning_rate=0.5).recipe.learning_rate == 0.5


def change_recipe(**fields: Any) -> Manifest:
    settings = CHAMPION.lineage.settings
    return make_champion(settings={**settings, "recipe": {**settings["recipe"], **fields}})


def test_a_run_from_a_versions_weights_sees_faces_as_that_version_does() -> None:
    fields = {
        "stages": [{"until": 0.5, "input_size": 24}, {"until": 1.0, "input_size": 32}],
        "crop_scales": [42, 48],
        "flip": False,
        "class_balance": 0.9,
        "dropout": 0.15,
        "mixup": 0.3,
        "weight_decay": 0.01,
        "augmentation": {"rotation_deg": 3.0},
    }
    recipe = choose(change_recipe(**fields)).recipe
    assert recipe.stages == (Stage(1.0, 32),)
    assert (recipe.crop_scales, recipe.flip, recipe.class_balance) == ((42, 48), False, 0.9)
    assert (recipe.dropout, recipe.mixup, recipe.weight_decay) == (0.15, 0.3, 0.01)
    assert recipe.augmentation == Augmentation(rotation_deg=3.0)
    assert choose(change_recipe(**fields), from_scratch=True).recipe == replace(RECIPE, epochs=7)


def test_the_learning_rate_does_not_shrink_from_one_generation_to_the_next() -> None:
    settings = choose(make_champion(settings=choose().to_json())).recipe
    assert settings.learning_rate == RECIPE.learning_rate * FINE_TUNING_RATE
    assert choose(change_recipe(monitor="last")).recipe.monitor == RECIPE.monitor


@pytest.mark.parametrize("settings", [{}, {"votes_path": "votes.csv"}])
def test_a_version_that_says_nothing_of_its_recipe_has_its_networks_own(settings: dict[str, Any]) -> None:
    recipe = choose(make_champion(settings=settings)).recipe
    assert (recipe.crop_scales, recipe.augmentation) == (RECIPE.crop_scales, RECIPE.augmentation)


def test_what_older_recipes_do_not_have_changes_nothing() -> None:
    plain = dict(CHAMPION.lineage.settings["recipe"])
    for name in ("crop_scales", "mixup", "monitor", "teacher_share"):
        del plain[name]
    plain["augmentation"] = {name: plain["augmentation"][name] for name in ("flip", "zoom")}
    recipe = choose(make_champion(settings={**CHAMPION.lineage.settings, "recipe": plain})).recipe
    assert (recipe.crop_scales, recipe.mixup) == ((48,), 0.0)
    assert (recipe.augmentation.zoom, recipe.augmentation.noise) == (plain["augmentation"]["zoom"], 0.0)


def test_a_run_from_scratch_keeps_the_networks_own_recipe() -> None:
    assert choose(from_scratch=True, epochs=None).recipe == RECIPE
    assert choose(from_scratch=True, learning_rate=0.5).recipe == replace(RECIPE, epochs=7)


def test_a_run_from_a_versions_weights_holds_out_what_that_version_held_out() -> None:
    settings = CHAMPION.lineage.settings
    own = {**settings, "split_seed": None, "recipe": {**settings["recipe"], "validation_share": 0.25}}
    champion = make_champion(seed=8, settings=own)
    first = choose(champion=champion)
    assert (first.seed, first.split_seed, first.recipe.validation_share) == (3, 8, 0.25)
    second = choose(champion=make_champion(seed=first.seed, settings=first.to_json()))
    assert (second.split_seed, second.recipe.validation_share) == (8, 0.25)


@pytest.mark.parametrize(
    ("settings", "labels", "from_scratch", "expected"),
    [
        ({"votes_path": None}, "hard", False, None),
        ({"votes_path": None}, "hard", True, VOTES),
        ({"votes_path": "votes.csv"}, "hard", False, VOTES),
        ({"votes_path": None}, "soft", False, VOTES),
    ],
)
def test_votes_divide_the_rows_only_where_they_did_so_for_the_version_to_start_from(
    settings: dict[str, Any], labels: Labels, expected: Path | None, *, from_scratch: bool
) -> None:
    parent = make_champion(labels="hard", settings={**CHAMPION.lineage.settings, **settings})
    assert choose_votes(parent, VOTES, labels=labels, from_scratch=from_scratch) == expected


def test_a_run_from_scratch_is_free_in_what_it_holds_out() -> None:
    settings = choose(from_scratch=True)
    assert (settings.split_seed, settings.recipe.validation_share) == (None, RECIPE.validation_share)


def test_a_run_on_other_labels_than_its_parent_has_the_labels_that_are_asked_for() -> None:
    assert choose(labels="hard", from_scratch=True).labels == "hard"
    assert choose(labels="soft").splits_like_parent
    assert not choose(labels="soft", from_scratch=True).splits_like_parent


def test_what_is_held_out_like_a_version_stays_so_in_the_next_generation() -> None:
    settings = TrainSettings(CSV, "hard", CHAMPION.network, RECIPE, seed=3)
    lineage = make_champion(seed=8, settings={**CHAMPION.lineage.settings, "split_seed": None}).lineage
    child = hold_out_like(settings, lineage)
    assert (child.seed, *find_split(replace(lineage, settings=child.to_json()))) == (3, 8, find_split(lineage)[1])
