"""Splits a dataset into training examples and validation set."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS
from training.data.batches import Examples
from training.data.dataset import Dataset
from training.data.split import divide_dataset, make_targets
from training.fit.settings import TrainSettings

MAX_REPEATS = 20
"""Repeating 30 corrections 67 times an epoch made predictions on their kind of face worse: docs/decisions/0214."""


@dataclass(frozen=True, slots=True)
class SplitExamples:
    """Training examples and validation set.

    training: corrections repeatedly, if the settings ask for it.
    training_labels: int64 (M,), the published label of each training example, whatever labels are used.
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
    corrections = training[training >= len(dataset.images) - dataset.corrections]
    repeats = count_repeats(len(corrections), len(training) - len(corrections), settings.correction_share)
    training = np.concatenate([training, np.tile(corrections, repeats - 1)])
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


def count_repeats(corrections: int, others: int, share: float) -> int:
    """Return how often an epoch has each correction: 1 to MAX_REPEATS times, so that they are at most `share` of its rows.

    others: number of other training rows. Corrections that alone are more than the share are used once.
    """
    room = int(others * share / (1 - share))
    return min(MAX_REPEATS, max(1, room // max(1, corrections)))
