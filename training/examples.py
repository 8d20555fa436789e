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
    held_out = _choose_held_out(dataset, settings.recipe.held_out, settings.seed)[rows]
    teaching, validation = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    if not len(teaching) or not len(validation):
        raise DatasetError(f"{len(rows)} Training rows are too few to learn from and to hold some out")
    classes = targets[rows].argmax(axis=1)
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


def _choose_held_out(dataset: Dataset, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which rows of the dataset are held out, bool (N,): the same ones whichever labels are taught.

    So a run on one kind of labels can start from a version taught the other, and still judge itself by faces that neither saw. With
    votes the share is of the rows whose votes teach. Reviewers' labels teach, and never judge: what is held out comes from the CSV.
    """
    by = make_targets(dataset, "single" if dataset.votes is None else "votes")
    is_from_csv = np.arange(len(dataset.images)) < len(dataset.images) - dataset.corrections
    rows = dataset.find_part("Training")
    rows = rows[(by[rows].sum(axis=1) > 0) & is_from_csv[rows]]
    groups = dataset.copy_groups
    _, held_out = split_rows(by[rows].argmax(axis=1), groups[rows], held_out=share, seed=seed)
    is_held_out: npt.NDArray[np.bool_] = np.isin(groups, groups[rows[held_out]]) & is_from_csv
    return is_held_out
