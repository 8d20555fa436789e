"""A dataset -> what there is to know about it before training: balance, copies, bad rows, votes."""

from dataclasses import asdict
from typing import Any

import numpy as np

from db.core.vocabulary import EMOTIONS
from training.data.dataset import Dataset
from training.data.fer_csv import PARTS


def audit_dataset(dataset: Dataset) -> dict[str, Any]:
    """Count everything, as plain values that JSON holds.

    `copies_within`: rows of a part that repeat an earlier row of it. `copies_of_training`: rows of a part that are also
    Training rows.
    """
    training = dataset.find_part("Training")
    parts: dict[str, Any] = {}
    for part in PARTS:
        rows = dataset.find_part(part)
        if not len(rows):
            continue
        counts = np.bincount(dataset.labels[rows], minlength=len(EMOTIONS)).tolist()
        groups = dataset.copy_groups[rows]
        parts[part] = {
            "rows": len(rows),
            "emotions": {str(emotion): count for emotion, count in zip(EMOTIONS, counts, strict=True)},
            "copies_within": len(rows) - len(np.unique(groups)),
            "copies_of_training": 0 if part == "Training" else int(dataset.find_copies_of(training, among=rows).sum()),
        }
    return {
        "sha256": dataset.sha256,
        "rows": len(dataset.images),
        "parts": parts,
        "bad_rows": [asdict(row) for row in dataset.bad_rows],
        "votes": dataset.votes.count_rows() if dataset.votes is not None else None,
    }
