"""Which rows teach and which are held out: stratified, by seed, with copies of a picture always on one side."""

import numpy as np
import numpy.typing as npt


def split_rows(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], *, held_out: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Divide rows into those that teach and those held out.

    labels: int64 (N,), any class numbers; each class gives about the same share. groups: int64 (N,), equal for copies of a picture;
    a group counts as one of the class of its first row.
    held_out: share held out, 0 to 1 (both exclusive). The same arguments always give the same answer.
    Returns positions (teaching, held out), each in ascending order; together they are every row once.
    Raises ValueError for a share outside its range.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"the share held out must be between 0 and 1, not {held_out}")
    random = np.random.default_rng(seed)
    names, first_rows, members = np.unique(groups, return_index=True, return_inverse=True)
    is_held = np.zeros(len(names), bool)
    group_labels = labels[first_rows]
    for label in np.unique(group_labels):
        of_class = np.flatnonzero(group_labels == label)
        is_held[random.permutation(of_class)[: round(len(of_class) * held_out)]] = True
    row_is_held = is_held[members]
    return np.flatnonzero(~row_is_held), np.flatnonzero(row_is_held)
