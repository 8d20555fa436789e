"""A dataset and a choice of labels -> what the network learns from, and what is held out of that."""

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
    """What teaches and what is held out.

    training_labels: int64 (M,), the published label of each row that teaches, whatever labels are taught.
    validation_rows: positions in the dataset of the rows held out. validation_truth: int (N,), each one's single label or vote
    majority, whichever the labels are; votes.NO_MAJORITY where people disagree.
    """

    training: Examples
    validation: Examples
    training_labels: npt.NDArray[np.int64]
    validation_rows: npt.NDArray[np.int64]
    validation_truth: npt.NDArray[np.int64]


def make_examples(dataset: Dataset, settings: TrainSettings, known: frozenset[bytes] = frozenset()) -> SplitExamples:
    """Divide the Training rows that teach something; the other parts take no part in this.

    known: digests of the pictures that the parent's run held out. Raises DatasetError if too few rows are left.
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
