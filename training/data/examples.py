"""Splits a dataset into training examples and validation set."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS
from training.data.batches import Examples
from training.data.dataset import Dataset
from training.data.split import divide_dataset, make_targets
from training.fit.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class SplitExamples:
    """Training examples and validation set.

    training_labels: int64 (M,), the published label of each training row, whatever labels are used.
    validation_rows: positions of the validation rows.
    validation_truth: int (N,), their hard labels or vote majorities; votes.NO_MAJORITY if people disagree.
    """

    training: Examples
    validation: Examples
    training_labels: npt.NDArray[np.int64]
    validation_rows: npt.NDArray[np.int64]
    validation_truth: npt.NDArray[np.int64]


def make_examples(dataset: Dataset, settings: TrainSettings, known: frozenset[bytes] = frozenset()) -> SplitExamples:
    """Divide the usable rows of the Training split; the other splits aren't used.

    known: digests of the pictures in the parent's validation set. Raises DatasetError if too few rows are left.
    """
    targets = make_targets(dataset, settings.labels)
    training, held_out = divide_dataset(dataset, settings, known)
    classes = targets[training].argmax(axis=1)
    shares = np.bincount(classes, minlength=len(EMOTIONS)) / len(training)
    least = 1 / (len(training) + len(held_out))
    class_weights = np.maximum(shares, least) ** -settings.recipe.class_balance
    class_weights /= (class_weights * shares).sum()
    truth = dataset.votes.majorities if settings.labels == "soft" and dataset.votes else dataset.labels

    def take(rows: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]) -> Examples:
        return Examples(dataset.images[rows], targets[rows], weights.astype(np.float32))

    return SplitExamples(
        training=take(training, class_weights[classes]),
        validation=take(held_out, np.ones(len(held_out))),
        training_labels=dataset.labels[training],
        validation_rows=held_out,
        validation_truth=truth[held_out],
    )
