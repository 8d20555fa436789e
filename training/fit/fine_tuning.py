"""A champion's manifest -> the settings of a run that goes on from it, or starts anew."""

from dataclasses import replace
from pathlib import Path

from training.errors import RetrainingImpossible
from training.export.artifact import Lineage, Manifest
from training.fit.settings import RECIPES, Labels, Recipe, Stage, TrainSettings

FINE_TUNING_RATE = 0.1
"""Learning rate of a run from trained weights, as a share of the network's own: less moves little, more forgets first."""


def choose_settings(
    champion: Manifest,
    csv_path: Path,
    votes_path: Path | None,
    *,
    from_scratch: bool,
    epochs: int | None,
    learning_rate: float | None,
    seed: int,
) -> TrainSettings:
    """Settings of a challenger: the champion's network, labels and recipe, on the data that there is now.

    from_scratch: fresh weights and the network's own recipe in place of the champion's. epochs: None means the recipe's own number.
    learning_rate: of a run from the champion's weights; None means FINE_TUNING_RATE of the network's own.
    A run from the champion's weights holds out the rows that the champion held out, where the dataset is the same.
    Raises RetrainingImpossible where the champion was taught votes and there are none: single labels would teach its successor
    another task, and judge the champion by it.
    """
    labels: Labels = "votes" if champion.labels == "votes" else "single"
    if labels == "votes" and votes_path is None:
        raise RetrainingImpossible(
            "the champion was taught votes, and no file of votes is configured: name it in EMOSCOPE_DATASET_VOTES, or put a "
            "version in service that was taught single labels"
        )
    if labels == "single" and not from_scratch and champion.lineage.settings.get("votes_path") is None:
        votes_path = None  # votes would have other rows held out than the champion's
    own = RECIPES[champion.architecture]
    recipe = own if from_scratch else _continue_recipe(_find_recipe(champion), own, learning_rate)
    recipe = replace(recipe, epochs=epochs or recipe.epochs)
    settings = TrainSettings(
        csv_path=csv_path,
        votes_path=votes_path,
        labels=labels,
        architecture=champion.architecture,
        recipe=recipe,
        seed=seed,
    )
    return settings if from_scratch else hold_out_like(settings, champion.lineage)


def find_split(lineage: Lineage) -> tuple[int, float | None]:
    """By what a version's run chose the rows that it held out: the seed, and the share, None where its settings don't say."""
    seed: int | None = lineage.settings.get("split_seed")
    return lineage.seed if seed is None else seed, lineage.settings.get("recipe", {}).get("held_out")


def hold_out_like(settings: TrainSettings, lineage: Lineage) -> TrainSettings:
    """The same, with the rows held out that another version's run held out, so that neither run taught what judges this one."""
    seed, held_out = find_split(lineage)
    recipe = settings.recipe if held_out is None else replace(settings.recipe, held_out=held_out)
    return replace(settings, split_seed=seed, recipe=recipe)


def _find_recipe(champion: Manifest) -> Recipe:
    """By which the champion was made, so that its successor sees faces as it does. What no recipe had then changed nothing."""
    own = RECIPES[champion.architecture]
    plain = Recipe(own.epochs, own.batch_size, own.learning_rate, own.schedule)
    fields = champion.lineage.settings.get("recipe")
    return plain.change(fields) if fields else own


def _continue_recipe(recipe: Recipe, own: Recipe, learning_rate: float | None) -> Recipe:
    """Faces of their final size from the first epoch, and no warm-up, for the weights are warm. No mean of the weights either:
    over so few steps it would still be where it began.

    own: the network's. Of it are the learning rate, which would shrink from one generation to the next, and which epoch is kept:
    where the champion's last one was, as fits a long run, a short one among new labels is better judged by what is held out.
    """
    return replace(
        recipe,
        learning_rate=learning_rate or own.learning_rate * FINE_TUNING_RATE,
        warmup_epochs=0.0,
        averaging=0.0,
        keep=own.keep,
        stages=(Stage(1.0, recipe.side),),
    )
