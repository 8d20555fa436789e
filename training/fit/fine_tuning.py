"""Chooses the settings of a run that continues from a version, or starts from new weights."""

from dataclasses import replace
from pathlib import Path

from db.model_versions.manifest import Lineage, Manifest
from training.fit.settings import RECIPES, Labels, Recipe, Stage, TrainSettings

FINE_TUNING_RATE = 0.1
"""Learning rate of a run from trained weights, as a share of the network's own: a lower one changes little, a higher one forgets
more.
"""


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
    correction_share: float = 0.0,
) -> TrainSettings:
    """Return the settings of a challenger: the parent's network and recipe, on the current data.

    parent: version whose weights it starts from.
    from_scratch: new weights and the network's own recipe.
    votes_path: from choose_votes.
    epochs: None means the recipe's.
    learning_rate: of a run from the parent's weights; None means FINE_TUNING_RATE of the network's own. A run from the parent's
    weights uses the parent's validation set, as far as the dataset contains it.
    correction_share: as in TrainSettings.
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
        correction_share=correction_share,
    )
    if from_scratch:
        return settings
    return replace(hold_out_like(settings, parent.lineage), splits_like_parent=True)


def choose_votes(parent: Manifest, votes_path: Path | None, *, labels: Labels, from_scratch: bool) -> Path | None:
    """Return the file of votes that a run reads, or None.

    With hard labels the votes only affect the split; from a version's weights they may do so only if they did for that version.
    """
    if labels == "hard" and not from_scratch and parent.lineage.settings.get("votes_path") is None:
        return None
    return votes_path


def find_split(lineage: Lineage) -> tuple[int, float | None]:
    """Return how a version's run selected its validation rows: the seed, and the share, None if its settings don't have it."""
    seed: int | None = lineage.settings.get("split_seed")
    return lineage.seed if seed is None else seed, lineage.settings.get("recipe", {}).get("validation_share")


def hold_out_like(settings: TrainSettings, lineage: Lineage) -> TrainSettings:
    """Return the settings with the validation set of another version's run, so that neither was trained on these rows."""
    seed, share = find_split(lineage)
    recipe = settings.recipe if share is None else replace(settings.recipe, validation_share=share)
    return replace(settings, split_seed=seed, recipe=recipe)


def _find_recipe(parent: Manifest) -> Recipe:
    """Return the parent's recipe, so that its successor sees faces alike. Features unknown to older recipes are disabled."""
    own = RECIPES[parent.network]
    plain = Recipe(own.epochs, own.batch_size, own.learning_rate, own.schedule)
    fields = parent.lineage.settings.get("recipe")
    return plain.change(fields) if fields else own


def _continue_recipe(recipe: Recipe, own: Recipe, learning_rate: float | None) -> Recipe:
    """Adapt a recipe to trained weights: full-size faces from the first epoch, no warm-up, and no EMA weights, which over so few
    steps would still be near the start.

    own: the network's recipe. It provides the learning rate, which would otherwise shrink from generation to generation, and the
    checkpoint monitor: the last epoch, as of a long run, is a worse choice for a short run with new labels.
    """
    return replace(
        recipe,
        learning_rate=learning_rate or own.learning_rate * FINE_TUNING_RATE,
        warmup_epochs=0.0,
        ema=0.0,
        monitor=own.monitor,
        stages=(Stage(1.0, recipe.input_size),),
    )
