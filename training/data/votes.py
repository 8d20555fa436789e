"""FER+ votes: the votes of ten people on each picture, as a distribution over the seven emotions.

Source of the votes: Barsoum et al. 2016, "Training deep networks for facial expression recognition with crowd-sourced label
distribution". The rules for rows that clearly show none of the seven are ours; see `VoteTable`.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS
from training.data.compressed import read_file, unpack
from training.errors import DatasetError

OTHER_COLUMNS = ("contempt", "unknown", "NF")
NO_MAJORITY = -1
_NAME_COLUMN = "image name"
_NAME_NUMBER = re.compile(r"(\d+)(?:\.\w+)?$", re.ASCII)


@dataclass(frozen=True, slots=True)
class VoteTable:
    """Votes by row of the CSV.

    counts: int64 (N, 10): the seven emotions in the order of EMOTIONS, then contempt, unknown and NF (not a face). A row's
    majority is the single column with the most votes, if it is one of the seven. A row is used (`is_used`) unless contempt,
    unknown or NF has the most votes, alone or tied, or at least two people called it not a face. As in the original paper, a
    single vote is an outlier and dropped where others agree.
    """

    parts: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    @property
    def majorities(self) -> npt.NDArray[np.int64]:
        """Index of the emotion of each row's clear majority, int64 (N,); NO_MAJORITY if there is none."""
        best = self.counts.max(axis=1, keepdims=True)
        is_clear = (self.counts == best).sum(axis=1) == 1
        winner = self.counts.argmax(axis=1)
        return np.where(is_clear & (winner < len(EMOTIONS)) & (best[:, 0] > 0), winner, NO_MAJORITY)

    @property
    def is_used(self) -> npt.NDArray[np.bool_]:
        """Which rows are used for training, bool (N,): those whose votes are about the seven emotions."""
        seven, other = self.counts[:, : len(EMOTIONS)], self.counts[:, len(EMOTIONS) :]
        is_seen: npt.NDArray[np.bool_] = seven.max(axis=1) > other.max(axis=1)
        return is_seen & (other[:, OTHER_COLUMNS.index("NF")] < 2)

    @property
    def distributions(self) -> npt.NDArray[np.float32]:
        """Votes as shares, float32 (N, 7); zeros for rows that aren't used."""
        seven = self.counts[:, : len(EMOTIONS)]
        agreed = np.where(seven > 1, seven, 0)
        votes = np.where(agreed.sum(axis=1, keepdims=True) > 0, agreed, seven) * self.is_used[:, None]
        shares: npt.NDArray[np.float64] = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
        return shares.astype(np.float32)

    def select(self, positions: npt.NDArray[np.int64]) -> "VoteTable":
        """Return the votes of the rows at `positions`, in that order."""
        return VoteTable(tuple(self.parts[position] for position in positions.tolist()), self.counts[positions])

    def count_rows(self) -> dict[str, int]:
        """Count the rows that are used, have a clear majority, or were left out, by reason."""
        is_used = self.is_used
        names = (*EMOTIONS, *OTHER_COLUMNS)
        left_out = Counter(names[column] for column in self.counts[~is_used].argmax(axis=1).tolist())
        return {
            "rows": len(self.counts),
            "training": int(is_used.sum()),
            "clear_majority": int((self.majorities != NO_MAJORITY).sum()),
            **{f"left_out_{name.lower()}": left_out[name] for name in OTHER_COLUMNS},
            "left_out_undecided": sum(left_out[name] for name in EMOTIONS),
        }


@dataclass(frozen=True, slots=True)
class VotesFile:
    """A parsed file of votes. rows: of the CSV, int64 (N,), if the file has `Image name`; else None."""

    table: VoteTable
    rows: npt.NDArray[np.int64] | None


def read_votes(path: Path) -> VotesFile:
    """Read a file of votes, plain, .gz or .xz: a CSV with `Usage` and the ten vote columns by name; other columns are ignored.

    Rows with an empty `Image name` are left out; FER+ has such rows for pictures without a face. Raises DatasetError if it can't
    be read, a column is missing, a vote isn't a whole number, or a name has no number.
    """
    names = [*(emotion.ferplus_column for emotion in EMOTIONS), *OTHER_COLUMNS]
    table = _read_table(path, ("Usage", *names))
    positions = None
    if _NAME_COLUMN in table[0]:
        table = [row for row in table if row[_NAME_COLUMN].strip()]
        positions = np.array([_read_number(row[_NAME_COLUMN], path) for row in table], np.int64)
    try:
        counts = np.array([[int(row[name.lower()]) for name in names] for row in table], np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DatasetError(f"a vote in {path.name} is not a whole number: {error}") from error
    counts = counts.reshape(-1, len(names))
    if len(counts) and counts.min() < 0:
        raise DatasetError(f"a vote in {path.name} is below zero")
    return VotesFile(VoteTable(tuple((row["usage"] or "").strip() for row in table), counts), positions)


def _read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read every row by lower-case column name; there must be at least one. Raises DatasetError."""
    try:
        text = unpack(path, read_file(path)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path.name} is not text in UTF-8") from error
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in columns if name.lower() not in reader.fieldnames]
        if missing:
            raise DatasetError(f"{path.name} has no column {', '.join(missing)}")
        rows = list(reader)
    except csv.Error as error:
        raise DatasetError(f"{path.name} is not a CSV: {error}") from error
    if not rows:
        raise DatasetError(f"{path.name} has no rows")
    return rows


def _read_number(name: str, path: Path) -> int:
    """Return the row of the CSV for a picture's name: FER+ calls the first one `fer0000000.png`."""
    found = _NAME_NUMBER.search(name.strip())
    if found is None:
        raise DatasetError(f"the Image name {name[:40]!r} in {path.name} has no row number")
    return int(found[1])
