"""A version's manifest: written by training, stored in the database, read by workers, pages and later runs.

Manifests of earlier releases are translated to current names; unknown fields of later releases are ignored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator

from db.core.old_words import translate_manifest
from db.core.vocabulary import CROP_SIDE, Architecture
from db.model_versions.metrics import TruthMetrics, VersionMetrics, list_splits, list_truths
from db.model_versions.records import KERAS_FILE, FileRecord, VoteCalibration

Labels = Literal["hard", "soft"]
"""What a network is trained on: the CSV's own labels, or shares of votes."""


class _SplitRecipe(BaseModel):
    validation_share: float | None = None


class _SplitSettings(BaseModel):
    """The run settings that select the validation rows."""

    recipe: _SplitRecipe = _SplitRecipe()
    split_seed: int | None = None
    votes_path: str | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from.

    row_counts: training rows, validation rows, and rows left out by reason.
    parent: SHA-256 of the .keras file whose weights it started from.
    teachers: SHA-256 of the versions whose predictions it learned from besides the labels.
    settings: of the run, as `training.fit.settings` writes and reads them.
    epochs_done: of settings' epochs.
    """

    dataset_sha256: str
    row_counts: dict[str, int]
    labels: Labels
    epochs_done: int
    seed: int
    parent: str | None
    settings: dict[str, Any]
    code_version: str
    library_versions: dict[str, str]
    teachers: tuple[str, ...] = ()

    @property
    def held_out_by(self) -> tuple[object, ...] | None:
        """How the run selected its validation rows, as `training.data.split` does; None if unknown."""
        found = _SplitSettings.model_validate(self.settings)
        seed = self.seed if found.split_seed is None else found.split_seed
        share = found.recipe.validation_share
        return None if share is None else (self.dataset_sha256, seed, share, found.votes_path is None)


class Manifest(BaseModel):
    """The description of a version. Immutable, like the version.

    architecture: name of `network`.
    emotions: names of the seven outputs, in order.
    temperature: already applied inside the model files.
    files: by name.
    metrics: by split and kind of label, such as `metrics["PublicTest"]["ferplus"]["accuracy"]`; those of another form are left
    out.
    created_at: ISO 8601, UTC.
    flip: whether each prediction averages the face and its mirror image.
    crop_scales: sides of the squares, in pixels of the crop, that are also averaged.
    normalized: whether low-contrast crops are stretched first.
    conditions: whether the temperature is higher for faces that are hard to see.
    votes: converts probabilities to vote shares, fitted on validation rows; None for older versions.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: int
    architecture: str
    emotions: tuple[str, ...]
    input_name: str
    input_dtype: str
    input_shape: tuple[int | None, ...]
    temperature: float
    flip: bool
    files: dict[str, FileRecord]
    metrics: VersionMetrics
    lineage: Lineage
    created_at: str
    crop_scales: tuple[int, ...] = (CROP_SIDE,)
    normalized: bool = False
    conditions: bool = False
    votes: VoteCalibration | None = None

    @field_validator("metrics", mode="wrap")
    @classmethod
    def _leave_out_other_forms(cls, given: Any, validate: ValidatorFunctionWrapHandler) -> VersionMetrics:
        try:
            found: VersionMetrics = validate(given)
        except ValidationError as error:
            strange = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
            if not strange or not isinstance(given, Mapping):
                raise
            found = validate({name: numbers for name, numbers in given.items() if name not in strange})
        return found

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Parse the output of `to_json` of this or an earlier release. Raises pydantic's ValidationError."""
        return cls.model_validate(translate_manifest(stored))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self.model_dump(mode="json")

    @property
    def network(self) -> Architecture:
        """The network to build. Raises ValueError if this release has no network of that name."""
        return Architecture(self.architecture)

    @property
    def labels(self) -> Labels:
        """The labels it was trained on."""
        return self.lineage.labels

    @property
    def vote_calibration(self) -> VoteCalibration:
        """Converts probabilities to vote shares. For versions without it, by undoing the temperature."""
        return self.votes or VoteCalibration(self.temperature)

    @property
    def keras_sha256(self) -> str | None:
        """Digest of the weights from which a later run may start."""
        record = self.files.get(KERAS_FILE)
        return None if record is None else record.sha256

    def list_evaluations(self) -> Iterator[tuple[str, str, TruthMetrics]]:
        """List split, kind of label and metrics of each evaluation, the most informative split last."""
        for split, metrics in list_splits(self.metrics):
            for truth, found in list_truths(metrics):
                yield split, truth, found
