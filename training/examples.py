"""A dataset and a choice of labels -> what the network learns from, and what is held out of that."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from db.vocabulary import EMOTIONS
from training.dataset import Dataset
from training.errors import DatasetError
from training.fit import Examples
from training.settings import Labels, TrainSettings
from training.split import split_rows


@dataclass(frozen=True, slots=True)
class SplitExamples:
    """What teaches and what is held out.

    validation_rows: positions in the dataset of the rows held out. validation_truth: int (N,), each one's single label or vote
    majority, whichever the labels are; votes.NO_MAJORITY where people disagree.
    """

    teaching: Examples
    validation: Examples
    validation_rows: npt.NDArray[np.int64]
    validation_truth: npt.NDArray[np.int64]


def make_targets(dataset: Dataset, labels: Labels) -> npt.NDArray[np.float32]:
    """What each row teaches, float32 (N, 7): shares summing to 1, or all zero for a row that teaches nothing.

    Raises DatasetError if votes are asked for and the dataset has none.
    """
    if labels == "single":
        return np.eye(len(EMOTIONS), dtype=np.float32)[dataset.labels]
    if dataset.votes is None:
        raise DatasetError("the dataset has no votes")
    return dataset.votes.distributions


def make_examples(dataset: Dataset, settings: TrainSettings) -> SplitExamples:
    """Divide the Training rows that teach something; the other parts take no part in this.

    Raises DatasetError if too few rows are left.
    """
    targets = make_targets(dataset, settings.labels)
    rows = dataset.find_part("Training")
    rows = rows[targets[rows].sum(axis=1) > 0]
    classes = targets[rows].argmax(axis=1)
    held_out, seed = settings.recipe.held_out, settings.seed
    # Reviewers' labels teach, and never judge: what is held out comes from the CSV alone.
    from_csv = int((rows < len(dataset.images) - dataset.corrections).sum())
    groups = dataset.copy_groups[rows[:from_csv]]
    teaching, validation = split_rows(classes[:from_csv], groups, held_out=held_out, seed=seed)
    teaching = np.concatenate([teaching, np.arange(from_csv, len(rows))])
    if not len(teaching) or not len(validation):
        raise DatasetError(f"{len(rows)} Training rows are too few to learn from and to hold some out")
    shares = np.bincount(classes[teaching], minlength=len(EMOTIONS)) / len(teaching)
    class_weights = np.maximum(shares, 1 / len(rows)) ** -settings.recipe.class_balance
    class_weights /= (class_weights * shares).sum()
    truth = dataset.votes.majorities if settings.labels == "votes" and dataset.votes else dataset.labels

    def take(positions: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]) -> Examples:
        chosen = rows[positions]
        return Examples(dataset.images[chosen], targets[chosen], weights.astype(np.float32))

    return SplitExamples(
        teaching=take(teaching, class_weights[classes[teaching]]),
        validation=take(validation, np.ones(len(validation))),
        validation_rows=rows[validation],
        validation_truth=truth[rows[validation]],
    )
