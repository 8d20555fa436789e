"""CSV and JSON Lines, parsed by standard readers."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from db.core.vocabulary import Emotion, ExportFormat
from db.exports.writing import write_pages

ID = UUID("0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d")


def write(form: ExportFormat, *pages: list[dict[str, Any]]) -> bytes:
    return b"".join(write_pages(pages, ("a", "b"), form))


def read_cell(value: object) -> str:
    """A value as a reader of the CSV gets it."""
    rows = list(csv.reader(io.StringIO(write(ExportFormat.CSV, [{"a": value, "b": 1}]).decode(), newline="")))
    assert rows[0] == ["a", "b"]
    assert rows[1][1] == "1"
    return rows[1][0]


def test_csv_begins_with_its_columns_and_its_lines_end_with_cr_lf() -> None:
    assert write(ExportFormat.CSV) == b"a,b\r\n"
    assert write(ExportFormat.CSV, [{"a": 1, "b": 0.25}], [], [{"a": "x", "b": None, "c": "left out"}]) == (
        b"a,b\r\n1,0.25\r\nx,\r\n"
    )


@pytest.mark.parametrize("text", ['quoted "words"', "a, b", "two\r\nlines", "Zoë 東京 😀", "'mine", ""])
def test_text_comes_out_as_it_went_in(text: str) -> None:
    assert read_cell(text) == text
    [line] = write(ExportFormat.JSONL, [{"a": text, "b": 1}]).decode().splitlines()
    assert json.loads(line) == {"a": text, "b": 1}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "  ="])
def test_a_formula_gets_an_apostrophe_in_csv_alone(start: str) -> None:
    text = f"{start}1+cmd|' /C calc'!A0"
    assert read_cell(text) == f"'{text}"
    assert json.loads(write(ExportFormat.JSONL, [{"a": text, "b": 1}]))["a"] == text


def test_a_negative_number_is_no_formula() -> None:
    assert read_cell(-1.5) == "-1.5"


@pytest.mark.parametrize(
    ("value", "cell", "plain"),
    [
        (None, "", None),
        (True, "true", True),
        (False, "false", False),
        (ID, str(ID), str(ID)),
        (Emotion.SAD, "sad", "sad"),
        (["dark", "small"], "dark small", ["dark", "small"]),
        ([], "", []),
        (datetime(2026, 3, 1, 12, 0, tzinfo=UTC), "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        (
            datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))),
            "2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00Z",
        ),
    ],
)
def test_values_have_one_form_each(value: object, cell: str, plain: object) -> None:
    assert read_cell(value) == cell
    assert json.loads(write(ExportFormat.JSONL, [{"a": value, "b": 1}]))["a"] == plain


def test_a_page_is_asked_for_when_the_one_before_was_written() -> None:
    asked: list[int] = []

    def ask() -> Iterator[list[dict[str, Any]]]:
        for number in range(3):
            asked.append(number)
            yield [{"a": number, "b": number}]

    pieces = write_pages(ask(), ("a", "b"), ExportFormat.JSONL)
    for number in range(3):
        assert json.loads(next(pieces)) == {"a": number, "b": number}
        assert asked == list(range(number + 1))
