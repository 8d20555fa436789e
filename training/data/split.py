"""Splits rows into training and validation set: stratified, seeded, with copies of a picture on the same side. No TensorFlow."""

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS
from training.data.dataset import Dataset
from training.data.validation_pictures import find_pictures_among
from training.errors import DatasetError
from training.fit.settings import Labels, TrainSettings

LEAST_EMOTIONS = 2
"""With one emotion there is nothing to distinguish."""

_ENOUGH_KNOWN = 0.5
"""Minimum share of the validation rows that must be known from the parent; with fewer, it is another dataset."""


def split_rows(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], *, held_out: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split rows into training and validation set.

    labels: int64 (N,), any class numbers; each class contributes about the same share.
    groups: int64 (N,), equal for copies of a picture; a group has the class of its first row.
    held_out: share of validation rows, 0 to 1 (both exclusive). The same arguments always give the same result.
    Returns positions (training, validation), each ascending; together they are every row once.
    Raises ValueError for a share outside its range.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"the validation share must be between 0 and 1, not {held_out}")
    random = np.random.default_rng(seed)
    names, first_rows, members = np.unique(groups, return_index=True, return_inverse=True)
    is_held = np.zeros(len(names), bool)
    group_labels = labels[first_rows]
    for label in np.unique(group_labels):
        of_class = np.flatnonzero(group_labels == label)
        is_held[random.permutation(of_class)[: round(len(of_class) * held_out)]] = True
    row_is_held = is_held[members]
    return np.flatnonzero(~row_is_held), np.flatnonzero(row_is_held)


def make_targets(dataset: Dataset, labels: Labels) -> npt.NDArray[np.float32]:
    """Return the target of each row, float32 (N, 7): shares summing to 1, or zeros for a row that isn't used.

    Raises DatasetError if votes are requested and the dataset has none.
    """
    if labels == "hard":
        return np.eye(len(EMOTIONS), dtype=np.float32)[dataset.labels]
    if dataset.votes is None:
        raise DatasetError("the dataset has no votes")
    return dataset.votes.distributions


def divide_dataset(
    dataset: Dataset, settings: TrainSettings, known: frozenset[bytes] = frozenset()
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split the usable rows of the Training split; the other splits aren't used.

    known: digests of the pictures in the parent's validation set, used if the settings ask for it.
    Returns positions in the dataset (training, validation), each ascending.
    Raises DatasetError if too few rows are left.
    """
    rows = dataset.find_part("Training")
    rows = rows[make_targets(dataset, settings.labels)[rows].sum(axis=1) > 0]
    is_held_out = _find_known(dataset, settings, known)[rows]
    if is_held_out.mean() < settings.recipe.validation_share * _ENOUGH_KNOWN:
        seed = settings.seed if settings.split_seed is None else settings.split_seed
        is_held_out = _choose_held_out(dataset, settings.recipe.validation_share, seed)[rows]
    training, held_out = rows[~is_held_out], rows[is_held_out]
    if not len(training) or not len(held_out):
        raise DatasetError(f"{len(rows)} Training rows are too few to learn from and to hold some out")
    found = np.unique(make_targets(dataset, settings.labels)[training].argmax(axis=1))
    if len(found) < LEAST_EMOTIONS:
        raise DatasetError(
            f"all {len(training)} rows to train on are {EMOTIONS[found[0]]}: training needs at least two emotions"
        )
    return training, held_out


def _find_known(dataset: Dataset, settings: TrainSettings, known: frozenset[bytes]) -> npt.NDArray[np.bool_]:
    """Return which rows of the CSV show a picture of the parent's validation set, bool (N,)."""
    found = np.zeros(len(dataset.images), bool)
    if known and settings.splits_like_parent:
        from_csv = len(dataset.images) - dataset.corrections
        found[:from_csv] = find_pictures_among(dataset.images[:from_csv], known)
    return found


def _choose_held_out(dataset: Dataset, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Return which rows are validation rows, bool (N,): the same ones for both kinds of labels.

    So a run on one kind of labels can start from a version trained on the other kind, and be validated on faces that neither was
    trained on. With votes, the share is of rows whose votes are usable. Reviewers' labels are only used for training: validation
    rows come from the CSV.
    """
    by = make_targets(dataset, "hard" if dataset.votes is None else "soft")
    is_from_csv = np.arange(len(dataset.images)) < len(dataset.images) - dataset.corrections
    rows = dataset.find_part("Training")
    rows = rows[(by[rows].sum(axis=1) > 0) & is_from_csv[rows]]
    groups = dataset.copy_groups
    _, held_out = split_rows(by[rows].argmax(axis=1), groups[rows], held_out=share, seed=seed)
    is_held_out: npt.NDArray[np.bool_] = np.isin(groups, groups[rows[held_out]]) & is_from_csv
    return is_held_out
