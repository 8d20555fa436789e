"""Rows as text: CSV or JSON Lines, a piece for each page."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from db.core.vocabulary import ExportFormat

Cell = UUID | datetime | str | float | int | bool | list[str] | None
Row = dict[str, Cell]
"""Values by the name of the column: all of JOB_FIELDS, or of FACE_FIELDS.

Defined here and not in `rows`, because the command line imports this module and must not load SQLAlchemy.
"""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Text that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection"); the last four are full-width."""

MEDIA_TYPES = {ExportFormat.CSV: "text/csv; charset=utf-8; header=present", ExportFormat.JSONL: "application/jsonl"}


_PLAIN = frozenset({float, int, type(None)})
"""Most cells are of these, and are written as they are: a call for each would take a quarter of the time of an export."""


def write_pages(pages: Iterable[list[Row]], fields: tuple[str, ...], form: ExportFormat) -> Iterator[bytes]:
    """The file in pieces, UTF-8: in CSV a line of column names first, though there be no row; lines end with CR LF there."""
    if form is ExportFormat.CSV:
        yield _write_csv([list(fields)])
    for rows in pages:
        if not rows:
            continue
        if form is ExportFormat.CSV:
            yield _write_csv(
                [value if type(value) in _PLAIN else _to_cell(value) for value in map(row.__getitem__, fields)]
                for row in rows
            )
        else:
            yield "".join(json.dumps({name: _to_json(row[name]) for name in fields}) + "\n" for row in rows).encode()


def _write_csv(rows: Iterable[Sequence[Cell]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def _to_cell(value: Cell) -> str:
    """A value as a cell. Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    text = str(_to_json(value))
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def _to_json(value: Cell) -> str | float | int | bool | list[str] | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
