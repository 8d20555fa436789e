"""A version's manifest -> the settings of a run that goes on from it, or starts anew."""

from dataclasses import replace
from pathlib import Path

from db.model_versions.manifest import Lineage, Manifest
from training.fit.settings import RECIPES, Labels, Recipe, Stage, TrainSettings

FINE_TUNING_RATE = 0.1
"""Learning rate of a run from trained weights, as a share of the network's own: less moves little, more forgets first."""


def choose_settings(
    parent: Manifest,
    csv_path: Path,
    votes_path: Path | None,
    *,
    labels: Labels,
    from_scratch: bool,
    epochs: int | None,
    learning_rate: float | None,
    seed: int,
) -> TrainSettings:
    """Settings of a challenger: the parent's network and recipe, on the data that there is now.

    parent: the version whose weights it starts from. from_scratch: fresh weights and the network's own recipe.
    votes_path: as choose_votes gives it. epochs: None means the recipe's own number.
    learning_rate: of a run from the parent's weights; None means FINE_TUNING_RATE of the network's own.
    A run from the parent's weights holds out the pictures that the parent's run held out, where the dataset has them.
    """
    own = RECIPES[parent.network]
    recipe = own if from_scratch else _continue_recipe(_find_recipe(parent), own, learning_rate)
    settings = TrainSettings(
        csv_path=csv_path,
        votes_path=votes_path,
        labels=labels,
        architecture=parent.network,
        recipe=replace(recipe, epochs=epochs or recipe.epochs),
        seed=seed,
    )
    if from_scratch:
        return settings
    return replace(hold_out_like(settings, parent.lineage), splits_like_parent=True)


def choose_votes(parent: Manifest, votes_path: Path | None, *, labels: Labels, from_scratch: bool) -> Path | None:
    """The file of votes that a run reads, or None.

    On single labels votes only divide the rows; from a version's weights they may do so only if they did for that version.
    """
    if labels == "hard" and not from_scratch and parent.lineage.settings.get("votes_path") is None:
        return None
    return votes_path


def find_split(lineage: Lineage) -> tuple[int, float | None]:
    """By what a version's run chose the rows that it held out: the seed, and the share, None where its settings don't say."""
    seed: int | None = lineage.settings.get("split_seed")
    return lineage.seed if seed is None else seed, lineage.settings.get("recipe", {}).get("validation_share")


def hold_out_like(settings: TrainSettings, lineage: Lineage) -> TrainSettings:
    """The same, with the rows held out that another version's run held out, so that neither run taught what judges this one."""
    seed, share = find_split(lineage)
    recipe = settings.recipe if share is None else replace(settings.recipe, validation_share=share)
    return replace(settings, split_seed=seed, recipe=recipe)


def _find_recipe(parent: Manifest) -> Recipe:
    """By which the parent was made, so that its successor sees faces as it does. What no recipe had then changed nothing."""
    own = RECIPES[parent.network]
    plain = Recipe(own.epochs, own.batch_size, own.learning_rate, own.schedule)
    fields = parent.lineage.settings.get("recipe")
    return plain.change(fields) if fields else own


def _continue_recipe(recipe: Recipe, own: Recipe, learning_rate: float | None) -> Recipe:
    """Faces of their final size from the first epoch, and no warm-up, for the weights are warm. No mean of the weights either:
    over so few steps it would still be where it began.

    own: the network's. Of it are the learning rate, which would shrink from one generation to the next, and which epoch is kept:
    where the parent's last one was, as fits a long run, a short one among new labels is better judged by what is held out.
    """
    return replace(
        recipe,
        learning_rate=learning_rate or own.learning_rate * FINE_TUNING_RATE,
        warmup_epochs=0.0,
        ema=0.0,
        monitor=own.monitor,
        stages=(Stage(1.0, recipe.input_size),),
    )
