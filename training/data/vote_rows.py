"""Aligns a file of votes with the rows of a CSV, after checking that they belong together."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.fer_csv import PARTS, CsvRows
from training.data.votes import NO_MAJORITY, VoteTable, read_votes
from training.errors import VotesMismatch

EXPECTED_AGREEMENT = 0.5
"""Minimum share of labels that match the votes' majority. FER+ matches 0.65 of FER2013's labels where there is a clear majority,
and 0.606 in the worst 500 rows; votes shifted by one row match 0.18.
"""

_BLOCK = 500
_DEVIATIONS = 3.0


def line_up_votes(rows: CsvRows, labels: npt.NDArray[np.int64], path: Path) -> VoteTable:
    """Read a file of votes in the order of the CSV's usable rows.

    labels: int64 (N,), index into EMOTIONS, of the usable rows. A file with the column `Image name` is joined by it: the number
    in the name is the row of the CSV. Rows that aren't named have no votes. A file without that column must have one row per row
    of the CSV. Raises VotesMismatch if Usage, the number of rows or the votes show that the file belongs to another CSV;
    DatasetError as read_votes does.
    """
    file = read_votes(path)
    found = (
        _select_by_position(file.table, rows, path)
        if file.rows is None
        else _select_by_name(file.table, file.rows, rows, path)
    )
    for row, part in enumerate(rows.parts.tolist()):
        if found.parts[row] not in {"", PARTS[part]}:
            line = int(rows.positions[row]) + 2
            raise VotesMismatch(f"line {line} is {PARTS[part]} in the CSV and {found.parts[row]} in {path.name}")
    _check_agreement(found, labels, rows.parts, path)
    return found


def _select_by_position(table: VoteTable, rows: CsvRows, path: Path) -> VoteTable:
    if len(table.counts) != rows.row_count:
        raise VotesMismatch(f"{path.name} has {len(table.counts)} rows, and the CSV has {rows.row_count}")
    return table.select(rows.positions)


def _select_by_name(table: VoteTable, named: npt.NDArray[np.int64], rows: CsvRows, path: Path) -> VoteTable:
    """Select votes by row. Rows that the CSV lacks are skipped: FER+ includes PrivateTest, which a CSV may lack."""
    numbers, places = np.unique(named, return_index=True)
    if not len(numbers):
        raise VotesMismatch(f"no row of {path.name} has an Image name")
    if len(numbers) < len(table.counts):
        raise VotesMismatch(f"{path.name} names a picture more than once")
    found = np.minimum(np.searchsorted(numbers, rows.positions), len(numbers) - 1)
    is_named = numbers[found] == rows.positions
    if not is_named.any():
        raise VotesMismatch(f"{path.name} names no row of the CSV")
    chosen = table.select(places[found])
    parts = tuple(part if is_one else "" for part, is_one in zip(chosen.parts, is_named.tolist(), strict=True))
    return VoteTable(parts, chosen.counts * is_named[:, None])


def _check_agreement(votes: VoteTable, labels: npt.NDArray[np.int64], parts: npt.NDArray[np.uint8], path: Path) -> None:
    """Check each Usage and each stretch of rows: votes of other rows agree with the labels only by chance."""
    known = np.flatnonzero(votes.majorities != NO_MAJORITY)
    is_agreed = votes.majorities == labels
    for number, name in enumerate(PARTS):
        of_part = known[parts[known] == number]
        for block in (of_part, *np.array_split(of_part, max(1, len(of_part) // _BLOCK))):
            share = float(is_agreed[block].mean()) if len(block) else 1.0
            if share + _DEVIATIONS * (0.25 / max(1, len(block))) ** 0.5 < EXPECTED_AGREEMENT:
                raise VotesMismatch(
                    f"the votes in {path.name} agree with the CSV's labels on only {share:.0%} of {len(block)} {name} rows, where "
                    "FER+'s do on 65%: they seem to belong to other rows, or to another CSV"
                )
