from dataclasses import replace
from pathlib import Path

from training.artifact import Manifest, list_pretrained
from training.fine_tuning import FINE_TUNING_RATE, choose_settings
from training.settings import RECIPES, TrainSettings

CSV, VOTES = Path("faces.csv"), Path("votes.csv")
CHAMPION = Manifest.read(next(iter(list_pretrained().values())))
RECIPE = RECIPES[CHAMPION.architecture]


def choose(**changes: object) -> TrainSettings:
    given = {"from_scratch": False, "epochs": 7, "learning_rate": None, "seed": 3} | changes
    return choose_settings(CHAMPION, CSV, VOTES, **given)  # type: ignore[arg-type]


def test_a_run_from_trained_weights_takes_small_steps_over_faces_of_their_final_size() -> None:
    settings = choose()
    assert (settings.architecture, settings.recipe.epochs, settings.seed) == (CHAMPION.architecture, 7, 3)
    assert settings.recipe.learning_rate == RECIPE.learning_rate * FINE_TUNING_RATE
    assert {settings.recipe.find_side(epoch) for epoch in range(7)} == {RECIPE.stages[-1].side}
    assert (settings.recipe.averaging, settings.recipe.warmup_epochs) == (0.0, 0.0)
    assert choose(learning_rate=0.5).recipe.learning_rate == 0.5


def test_a_run_from_scratch_keeps_the_networks_own_recipe() -> None:
    assert choose(from_scratch=True, epochs=None).recipe == RECIPE
    assert choose(from_scratch=True, learning_rate=0.5).recipe == replace(RECIPE, epochs=7)


def test_labels_are_the_champions_where_there_are_votes() -> None:
    assert choose().labels == CHAMPION.labels
    assert (
        choose_settings(CHAMPION, CSV, None, from_scratch=False, epochs=1, learning_rate=None, seed=1).labels
        == "single"
    )
