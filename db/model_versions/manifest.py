"""A version's manifest, as the database keeps it and those who show or choose versions read it.

`training/export/artifact.py` writes it. What this release doesn't know is ignored, and what an earlier one didn't write is empty.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

TRUTHS = ("fer2013", "ferplus")
"""What answers were held against: FER2013's single labels, FER+'s votes."""
_KERAS = "model.keras"


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class FileRecord(_Document):
    """A file of the version, under its digest in the blob store."""

    sha256: str
    bytes: int = 0


class ClassFigures(_Document):
    """How well one emotion is told."""

    precision: float
    recall: float
    f1: float


class Evaluation(_Document):
    """How a version did on one split against one truth. All but rows and confusion: shares from 0 to 1; log_loss: nats."""

    rows: int
    accuracy: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    per_class: dict[str, ClassFigures]
    confusion: list[list[int]]
    """Rows: the truth; columns: the answer; both in the order of EMOTIONS."""
    reliability: list[tuple[float, float, float]] = []
    """Of each bin of confidence: its mean confidence, its accuracy, its share of the rows."""
    intervals: dict[str, tuple[float, float]] = {}
    """95 % intervals, by the name of the figure."""


class SetEvaluation(_Document):
    """How a version did on one evaluation set or stress test."""

    name: str
    rows: int = Field(ge=1)
    accuracy: float


class Speed(_Document):
    """On one core of the machine that trained it."""

    ms_a_face: float | None = None
    faces_a_second: float | None = None


class _Recipe(_Document):
    validation_share: float | None = None
    held_out: float | None = None
    """The same in manifests of earlier releases."""


class _Settings(_Document):
    recipe: _Recipe = _Recipe()
    split_seed: int | None = None
    votes_path: str | None = None


class Lineage(_Document):
    """Where a version comes from."""

    labels: Literal["single", "votes", "hard", "soft"] = "single"
    parent: str | None = None
    """SHA-256 of the Keras file that it started from."""
    dataset_sha256: str | None = None
    seed: int | None = None
    settings: _Settings = _Settings()

    @property
    def held_out_by(self) -> tuple[object, ...] | None:
        """By what the run chose the rows that it held out, as `training.data.split` does; None where that isn't known."""
        recipe, seed = self.settings.recipe, self.settings.split_seed
        share = recipe.held_out if recipe.validation_share is None else recipe.validation_share
        found = (self.dataset_sha256, self.seed if seed is None else seed, share)
        return None if None in found else (*found, self.settings.votes_path is None)


class Manifest(_Document):
    """All that is known of a version."""

    files: dict[str, FileRecord] = {}
    lineage: Lineage = Lineage()
    metrics: dict[str, Any] = Field(default={}, description="By split, then by truth; and `speed`, `sets`.")

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """What the database keeps. Raises pydantic's ValidationError."""
        return cls.model_validate(stored)

    @property
    def keras_sha256(self) -> str | None:
        """Digest of the weights that a later run may start from."""
        record = self.files.get(_KERAS)
        return None if record is None else record.sha256

    @property
    def speed(self) -> Speed:
        """How quick it is."""
        return Speed.model_validate(self.metrics.get("speed", {}))

    def list_sets(self) -> Iterator[SetEvaluation]:
        """Evaluation sets and stress tests that the version was evaluated on."""
        sets = self.metrics.get("sets")
        for name, numbers in sets.items() if isinstance(sets, Mapping) else ():
            try:
                yield SetEvaluation.model_validate({**numbers, "name": name})
            except (TypeError, ValidationError):
                continue  # a manifest of another form

    def list_evaluations(self) -> Iterator[tuple[str, str, Evaluation]]:
        """Split, truth and figures of all that the version was evaluated on, the split that says most last."""
        for split, by_truth in self.metrics.items():
            for truth in TRUTHS:
                try:
                    yield split, truth, Evaluation.model_validate(by_truth[truth])
                except (KeyError, TypeError, ValidationError):
                    continue  # not a split, or a manifest of another form
