"""Writes rows as CSV or JSON Lines, one piece per page."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from db.core.vocabulary import ExportFormat

Cell = UUID | datetime | str | float | int | bool | list[str] | None
Row = dict[str, Cell]
"""Values by column name: all of JOB_FIELDS, or of FACE_FIELDS.

Defined here and not in `rows`, because the command line imports this module and must not load SQLAlchemy.
"""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters with which spreadsheets begin a formula (OWASP, "CSV Injection"); the last four are full-width."""

MEDIA_TYPES = {ExportFormat.CSV: "text/csv; charset=utf-8; header=present", ExportFormat.JSONL: "application/jsonl"}


_PLAIN = frozenset({float, int, type(None)})
"""Types that are written unchanged. Most cells have one, and a call for each would take a quarter of an export's time."""


def write_pages(pages: Iterable[list[Row]], fields: tuple[str, ...], form: ExportFormat) -> Iterator[bytes]:
    """Return the file in pieces, UTF-8. CSV begins with a header line, even without rows, and its lines end with CR LF."""
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
    """Convert a value to a CSV cell. Text that a spreadsheet would read as a formula gets a leading apostrophe."""
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
