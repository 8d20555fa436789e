"""Audits a dataset before training: balance, copies, invalid rows, votes."""

from typing import TypedDict

import numpy as np

from db.core.vocabulary import EMOTIONS
from training.data.dataset import Dataset
from training.data.fer_csv import PARTS
from training.data.split import LEAST_EMOTIONS
from training.errors import DatasetError


class AuditedSplit(TypedDict):
    """Rows of a split, in all and by emotion.

    copies_within: rows that repeat an earlier row of the split. copies_of_training: rows of another split that are also training
    rows.
    """

    rows: int
    emotions: dict[str, int]
    copies_within: int
    copies_of_training: int


class ListedRow(TypedDict):
    """A row of the CSV that was left out. line: line number; the header is line 1."""

    line: int
    reason: str


class DatasetAudit(TypedDict):
    """Counts of a dataset. sha256: digest of the rows. votes: rows by result of their votes; None without votes."""

    warnings: list[str]
    sha256: str
    rows: int
    splits: dict[str, AuditedSplit]
    bad_rows: list[ListedRow]
    votes: dict[str, int] | None


def audit_dataset(dataset: Dataset) -> DatasetAudit:
    """Count everything, as JSON values."""
    training = dataset.find_part("Training")
    splits: dict[str, AuditedSplit] = {}
    for part in PARTS:
        rows = dataset.find_part(part)
        if not len(rows):
            continue
        counts = np.bincount(dataset.labels[rows], minlength=len(EMOTIONS)).tolist()
        groups = dataset.copy_groups[rows]
        splits[part] = {
            "rows": len(rows),
            "emotions": {str(emotion): count for emotion, count in zip(EMOTIONS, counts, strict=True)},
            "copies_within": len(rows) - len(np.unique(groups)),
            "copies_of_training": 0 if part == "Training" else int(dataset.find_copies_of(training, among=rows).sum()),
        }
    return {
        "warnings": find_missing(dataset),
        "sha256": dataset.sha256,
        "rows": len(dataset.images),
        "splits": splits,
        "bad_rows": [{"line": row.line, "reason": row.reason} for row in dataset.bad_rows],
        "votes": dataset.votes.count_rows() if dataset.votes is not None else None,
    }


def refuse_one_emotion(dataset: Dataset) -> None:
    """Raise DatasetError if the training rows have fewer than two emotions."""
    found = np.unique(dataset.labels[dataset.find_part("Training")])
    if len(found) < LEAST_EMOTIONS:
        names = str(EMOTIONS[found[0]]) if len(found) else "missing"
        raise DatasetError(f"all Training rows are {names}: training needs at least two emotions")


def find_missing(dataset: Dataset) -> list[str]:
    """List the emotions missing in each split, and whether there are no rows to compare models on."""
    warnings = []
    for part in PARTS:
        rows = dataset.find_part(part)
        counts = np.bincount(dataset.labels[rows], minlength=len(EMOTIONS))
        missing = [str(emotion) for emotion, count in zip(EMOTIONS, counts, strict=True) if not count]
        if len(rows) and missing:
            meaning = "a model can't learn" if part == "Training" else "nothing is measured for"
            warnings.append(
                f"no {part} row is {' or '.join(missing)}: {meaning} {'it' if len(missing) == 1 else 'them'}"
            )
    if not len(dataset.find_part("PublicTest")):
        warnings.append("there are no PublicTest rows: a training run has nothing to compare models on")
    return warnings
