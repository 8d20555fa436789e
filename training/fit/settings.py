"""Settings of a training run. The default recipes are the best of docs/decisions for each network."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from db.core.old_words import translate_recipe, translate_settings
from db.core.vocabulary import CROP_SIDE, Architecture
from training.data.augmentation import Augmentation
from training.errors import RunError

Labels = Literal["hard", "soft"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Monitor = Literal["accuracy", "loss", "last"]
MAX_SEED = 2**31 - 4
"""TensorFlow takes signed 32-bit seeds, and a run adds up to three."""

Share = Annotated[float, Field(ge=0, le=1)]
CropScale = Annotated[int, Field(ge=CROP_SIDE // 2, le=CROP_SIDE * 2, multiple_of=2)]

_NO_OTHERS = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Stage:
    """Consecutive epochs with one face size: end as a share of all epochs (1 is the last), and side in pixels."""

    __pydantic_config__: ClassVar = _NO_OTHERS

    until: Share
    input_size: Annotated[int, Field(ge=16)]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained.

    schedule: `cosine` rises for `warmup_epochs` and falls to zero at the last epoch; `inverse` is Adam's old `decay`, 1e-6 per
    step.
    weight_decay: AdamW's; 0 means plain Adam.
    ema: momentum of the EMA weights, which are the result; 0 keeps the weights themselves.
    flip: whether the exported version averages a face with its mirror image.
    normalized: whether low-contrast crops are stretched, in training and in the exported version.
    crop_scales: sides of the centred squares, in pixels of the crop, over which the exported version averages: CROP_SIDE is the
    crop itself, less zooms in, more zooms out and repeats the crop's border.
    mixup: concentration of the Beta distribution of the proportion in which each face is mixed with another one; 0 disables it.
    class_balance: rows of a class are weighted by its share to the power of minus this; 0 weights every row equally, 1 every
    class.
    validation_share: share of the training rows used to choose the epoch and to fit the temperature.
    conditions: whether the exported version lowers the confidence of covered, blurred or noisy faces, fitted after training.
    hard_share: weight of a head on hard labels that is mixed into the last layer after training, in the logarithm; 0 omits it.
    neutral_offset: decrease of the logit of `neutral` after training.
    monitor: which epoch's weights are the result: the highest accuracy on validation rows, the least loss on them, which is
    less noisy with a thousand rows, or the last epoch.
    teacher_share: share of each target that comes from the run's teachers, if any; the rest is the label.
    teacher_view: what the teachers see: the `changed` (augmented) face at every step, or the `clean` row and its mirror image
    once, before the first epoch, which adds no time to the steps.
    """

    __pydantic_config__: ClassVar = _NO_OTHERS

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["cosine", "inverse"]
    warmup_epochs: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: Share = 0.0
    dropout: Share = 0.3
    ema: Share = 0.0
    flip: bool = False
    normalized: bool = False
    crop_scales: Annotated[tuple[CropScale, ...], Field(min_length=1)] = (CROP_SIDE,)
    mixup: Annotated[float, Field(ge=0)] = 0.0
    class_balance: float = 0.0
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    teacher_share: Share = 0.5
    teacher_view: Literal["changed", "clean"] = "changed"
    conditions: bool = False
    hard_share: Share = 0.0
    neutral_offset: float = 0.0
    monitor: Monitor = "accuracy"
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = (Stage(1.0, CROP_SIDE),)
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def input_size(self) -> int:
        """Input size of the finished network, in pixels: that of the last stage."""
        return self.stages[-1].input_size

    def find_input_size(self, epoch: int) -> int:
        """Return the face size of an epoch (0 is the first), in pixels."""
        return next(
            (stage.input_size for stage in self.stages if epoch < round(stage.until * self.epochs)), self.input_size
        )

    def change(self, fields: dict[str, Any]) -> Self:
        """Return this recipe with some fields changed, in the form of `lineage.settings.recipe` in a manifest.

        Unnamed fields of the augmentation are kept too. Raises RunError for an invalid field or value.
        """
        plain, fields = dataclasses.asdict(self), translate_recipe(fields)
        augmentation = fields.get("augmentation", {})
        if isinstance(augmentation, dict):
            augmentation = {**plain["augmentation"], **augmentation}
        try:
            return TypeAdapter(type(self)).validate_python({**plain, **fields, "augmentation": augmentation})
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
            raise RunError(f"not a recipe: {'; '.join(problems)}") from error


_REPORT = Recipe(epochs=100, batch_size=64, learning_rate=1e-4, schedule="inverse")
_DEFAULT = Recipe(
    epochs=64,
    batch_size=128,
    learning_rate=2e-3,
    schedule="cosine",
    warmup_epochs=2,
    weight_decay=0.05,
    dropout=0.3,
    ema=0.998,
    flip=True,
    class_balance=0.4,
    validation_share=0.05,
    monitor="loss",
    # Small faces teach most at a fraction of the time. The size grows while the learning rate is still high.
    stages=(Stage(0.34, 24), Stage(0.69, 32), Stage(1.0, 40)),
    augmentation=Augmentation(
        flip=True,
        rotation_deg=15,
        shift=0.07,
        zoom=0.12,
        stretch=0.06,
        contrast=0.3,
        brightness=0.1,
        random_erasing=0.25,
        blur=1.0,
        noise=10,
    ),
)
_SMALL = dataclasses.replace(_DEFAULT, crop_scales=(42, 52))
_LARGE = dataclasses.replace(_DEFAULT, epochs=48, dropout=0.4)
RECIPES = {
    Architecture.REPORT: _REPORT,
    Architecture.REPORT_DENSE: _REPORT,
    Architecture.TINY: _REPORT,
    Architecture.SMALL: _SMALL,
    Architecture.DEFAULT: _DEFAULT,
    Architecture.LARGE: _LARGE,
    Architecture.WIDE: _LARGE,
}


_OF_ONE_SIDE = (Architecture.REPORT, Architecture.REPORT_DENSE, Architecture.TINY)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything that determines the result of a run, so that the same settings give the same version.

    labels: `hard`, the CSV's own label, or `soft`, the shares of people's votes (needs `votes_path`).
    split_seed: seed of the split; None means `seed`, which determines everything else. A run that starts from a version's
    weights needs that version's, or it would be validated on its training rows.
    splits_like_parent: whether a run that starts from a version's weights uses the validation pictures of that version's run,
    as far as they are known and in the dataset; the seed is used only for the others.
    correction_share: share of the training rows up to which corrections are repeated; 0 uses each once an epoch.
    precision: for training; weights, and the resulting version, are always float32. `auto` is the fastest on the machine where
    the run starts; its folder stores the choice.
    """

    csv_path: Path
    labels: Labels
    architecture: Architecture
    recipe: Recipe
    votes_path: Path | None = None
    seed: int = 1
    precision: Precision = "auto"
    split_seed: int | None = None
    splits_like_parent: bool = False
    correction_share: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def __post_init__(self) -> None:
        if self.labels == "soft" and self.votes_path is None:
            raise RunError("training on votes needs a file of votes")
        if self.recipe.epochs < 0 or self.recipe.batch_size < 1:
            raise RunError("epochs must be at least 0, and batch size at least 1")
        if not all(0 <= seed <= MAX_SEED for seed in (self.seed, self.split_seed or 0)):
            raise RunError(f"seeds are whole numbers from 0 to {MAX_SEED}")
        sizes = {stage.input_size for stage in self.recipe.stages}
        if self.architecture in _OF_ONE_SIDE and sizes != {CROP_SIDE}:
            raise RunError(f"the network {self.architecture} has an input size of {CROP_SIDE} pixels and no other")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        plain = dataclasses.asdict(self)
        return {
            **plain,
            "csv_path": str(self.csv_path),
            "votes_path": str(self.votes_path) if self.votes_path else None,
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """Parse the output of `to_json`, also of earlier releases."""
        return TypeAdapter(cls).validate_python(translate_settings(plain))
