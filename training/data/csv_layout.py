"""Finds the columns of a CSV by the names in its first line, in any order, with any further columns."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from training.errors import DatasetError

COLUMNS = ("emotion", "pixels", "Usage")


@dataclass(frozen=True, slots=True)
class Layout:
    """Indices of the three columns, in the order of COLUMNS, in a row of `count` fields."""

    places: tuple[int, ...]
    count: int

    @property
    def is_published(self) -> bool:
        """Whether there are only these three columns, in FER2013's published order."""
        return self.places == (0, 1, 2) and self.count == len(COLUMNS)

    def split(self, line: bytes) -> list[bytes]:
        """Return all fields of a row."""
        return line.split(b",") if b'"' not in line else _split_quoted(line)

    def pick(self, fields: list[bytes]) -> list[bytes]:
        """Return the three fields, stripped, in the order of COLUMNS."""
        return [fields[place].strip() for place in self.places]


def read_header(line: str) -> Layout:
    """Find the columns in the first line of a CSV, ignoring case and blanks.

    Raises DatasetError if a column is missing or repeated.
    """
    names = _split_header(line)
    wanted = [column.lower() for column in COLUMNS]
    missing = [column for column, name in zip(COLUMNS, wanted, strict=True) if name not in names]
    if missing:
        shown = ",".join(names)[:80]
        raise DatasetError(
            f"the first line must name the columns {', '.join(COLUMNS)}: it lacks {', '.join(missing)}, and is `{shown}`"
        )
    repeated = [column for column, name in zip(COLUMNS, wanted, strict=True) if names.count(name) > 1]
    if repeated:
        raise DatasetError(f"the first line names the column {repeated[0]} more than once")
    return Layout(tuple(names.index(name) for name in wanted), len(names))


def _split_header(line: str) -> Sequence[str]:
    return [name.strip().strip('"').strip().lower() for name in line.strip().split(",")]


def _split_quoted(line: bytes) -> list[bytes]:
    """Split a line; a comma between quotes belongs to its field."""
    try:
        rows = list(csv.reader([line.decode("utf-8", "surrogateescape")], skipinitialspace=True))
    except csv.Error:
        return line.split(b",")
    return [field.encode("utf-8", "surrogateescape") for field in rows[0]] if rows else [line]
