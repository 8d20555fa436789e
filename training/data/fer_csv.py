"""Parses FER2013's CSV into arrays, in one pass over the bytes.

A row is `emotion,pixels,Usage`: FER2013's emotion number, 2,304 integers separated by spaces, and the split's name. NumPy decodes
blocks of rows in exactly this form. Blocks with other column orders, further columns, blanks or quotes are rewritten first.
Remaining blocks are read row by row, slowly, and each unusable row is reported with its line and the reason. Measurements:
docs/decisions/0204.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE
from training.data.csv_layout import Layout, read_header
from training.errors import DatasetError

PARTS = ("Training", "PublicTest", "PrivateTest")
PIXELS = CROP_SIDE * CROP_SIDE
FER_EMOTIONS = 7

_ROWS_A_BLOCK = 128
"""About 1 MB of text: large enough that the overhead of calls is small, small enough for the processor's caches."""

_MAX_PREFIX = 25
"""Largest value before the last digit of a pixel: 255 is the maximum."""

_PART_NUMBERS = {part.encode(): number for number, part in enumerate(PARTS)}
_MAX_HEADER = 1000
_SPACE, _COMMA, _ZERO = 32, 44, 48


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: its line (the header is line 1) and the reason."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The usable rows of a CSV, in the file's order.

    images: uint8 (N, 48, 48).
    emotions: uint8 (N,), FER2013's own numbers.
    parts: uint8 (N,), index into PARTS.
    positions: int64 (N,), row number in the file (0 is the first after the header), to align a second file.
    row_count: rows in the file, including invalid ones.
    """

    images: npt.NDArray[np.uint8]
    emotions: npt.NDArray[np.uint8]
    parts: npt.NDArray[np.uint8]
    positions: npt.NDArray[np.int64]
    row_count: int
    bad_rows: tuple[BadRow, ...]


def parse_rows(text: bytes) -> CsvRows:
    """Parse the whole CSV.

    Raises DatasetError if the first line lacks a column or there is no usable row.
    """
    header, _, _ = text[:_MAX_HEADER].removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    if header.endswith(b"\r"):
        text = text.replace(b"\r\n", b"\n")
    layout = read_header(header.decode("utf-8", "replace"))
    if text.endswith(b"\n\n"):
        text = text.rstrip(b"\n")  # empty lines at the end don't count as rows, as in a file of votes
    body = text if text.endswith(b"\n") else text + b"\n"
    newlines = _find_newlines(body)
    starts, ends = newlines[:-1] + 1, newlines[1:]
    count = len(starts)
    images = np.empty((count, PIXELS), np.uint8)
    emotions = np.empty(count, np.uint8)
    parts = np.empty(count, np.uint8)
    is_good = np.ones(count, bool)
    bad_rows: list[BadRow] = []

    def decode(blocks: list[range]) -> list[range]:
        decoder = _BlockDecoder(body, starts, ends, layout)
        return [rows for rows in blocks if not decoder.decode(rows, images, emotions, parts)]

    blocks = [range(first, min(first + _ROWS_A_BLOCK, count)) for first in range(0, count, _ROWS_A_BLOCK)]
    thread_count = os.cpu_count() or 1
    with ThreadPoolExecutor(thread_count) as threads:
        undecoded = chain.from_iterable(threads.map(decode, (blocks[n::thread_count] for n in range(thread_count))))
    for row in sorted(chain.from_iterable(undecoded)):
        one = slice(row, row + 1)
        reason = _decode_row(body[starts[row] : ends[row]], layout, images[row], emotions[one], parts[one])
        if reason:
            is_good[row] = False
            bad_rows.append(BadRow(row + 2, reason))
    positions = np.flatnonzero(is_good)
    if not len(positions):
        raise DatasetError(f"none of the {count} rows can be used" + (f": {bad_rows[0].reason}" if bad_rows else ""))
    if len(positions) < count:
        images, emotions, parts = images[positions], emotions[positions], parts[positions]
    return CsvRows(images.reshape(-1, CROP_SIDE, CROP_SIDE), emotions, parts, positions, count, tuple(bad_rows))


def _find_newlines(text: bytes) -> npt.NDArray[np.int64]:
    found = []
    place = text.find(b"\n")
    while place >= 0:
        found.append(place)
        place = text.find(b"\n", place + 1)
    return np.array(found, np.int64)


class _Block(NamedTuple):
    """Rows that are decoded together.

    bytes: uint8, of all rows.
    starts, ends: int64 (rows,), start of each row and end of its line in `bytes`.
    text, offset: buffer of which `bytes` is a view, and its start there.
    """

    text: bytes
    bytes: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    offset: int


class _BlockDecoder:
    """Decodes blocks of well-formed rows, using preallocated arrays.

    Allocating them for each block would cost more than the arithmetic, because the system provides fresh memory page by page.
    """

    def __init__(self, text: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], layout: Layout) -> None:
        """starts, ends: int64 (rows,), start of each row of `text` and end of its line."""
        self._text, self._starts, self._ends, self._layout = text, starts, ends, layout
        self._bytes = np.frombuffer(text, np.uint8)
        self._arrays = np.empty((4, 0), np.uint8)

    def decode(
        self,
        rows: range,
        images: npt.NDArray[np.uint8],
        emotions: npt.NDArray[np.uint8],
        parts: npt.NDArray[np.uint8],
    ) -> bool:
        """Decode `rows` into the arrays. Returns False, leaving their contents undefined, if a row isn't well-formed."""
        found = self._decode_published(self._take_block(rows)) if self._layout.is_published else None
        if found is None:
            rewritten = self._rewrite_block(rows)
            found = None if rewritten is None else self._decode_published(rewritten)
        if found is None:
            return False
        table, names = found
        places = slice(rows.start, rows.stop)
        emotions[places], images[places] = table[:, 0], table[:, 1:]
        parts[places] = [_PART_NUMBERS[name] for name in names]
        return True

    def _take_block(self, rows: range) -> "_Block":
        """Return the rows as they are in the file."""
        first, last = self._starts[rows.start], self._ends[rows.stop - 1]
        places = slice(rows.start, rows.stop)
        return _Block(
            self._text, self._bytes[first : last + 1], self._starts[places] - first, self._ends[places] - first, first
        )

    def _rewrite_block(self, rows: range) -> "_Block | None":
        """Return the rows in the published form, without blanks, quotes and further columns.

        None if a row has another number of fields than the header.
        """
        split = [self._layout.split(self._text[self._starts[row] : self._ends[row]]) for row in rows]
        if any(len(fields) != self._layout.count for fields in split):
            return None
        lines = [b",".join(self._layout.pick(fields)) + b"\n" for fields in split]
        text = b"".join(lines)
        stops = np.cumsum([len(line) for line in lines])
        return _Block(text, np.frombuffer(text, np.uint8), np.concatenate([[0], stops[:-1]]), stops - 1, 0)

    def _decode_published(self, rows: "_Block") -> tuple[npt.NDArray[np.uint8], list[bytes]] | None:
        """Return numbers, uint8 (rows, 2305), emotion first, and split names of rows in the published form. None for any other
        form.
        """
        block = rows.bytes
        digits, is_digit, prefixes, marks = self._borrow_arrays(len(block))
        np.subtract(block, _ZERO, out=digits)  # wraps around, so that any non-digit is more than 9
        np.less(digits, 10, out=is_digit.view(bool))
        np.multiply(digits, is_digit, out=digits)
        ends = np.flatnonzero(np.greater(is_digit[:-1], is_digit[1:], out=marks[:-1].view(bool)))
        if len(ends) != len(rows.starts) * (PIXELS + 1):
            return None
        # at each digit that isn't the last of its number: value of this digit and the previous one
        prefixes[0] = 0
        np.multiply(digits[:-1], is_digit[1:], out=prefixes[1:])
        np.multiply(prefixes, 10, out=prefixes)
        np.add(prefixes, digits, out=prefixes)
        np.multiply(prefixes[:-1], is_digit[1:], out=prefixes[:-1])
        if prefixes[:-1].max() > _MAX_PREFIX:
            return None
        np.multiply(prefixes, 10, out=prefixes)
        np.add(digits[1:], prefixes[:-1], out=digits[1:])
        values = digits.take(ends)
        # rejects 256 to 259, which wrap to 0 to 3, and numbers of more than three digits
        digit_count = int(np.count_nonzero(is_digit))
        if digit_count != len(values) + np.count_nonzero(values > 9) + np.count_nonzero(values > 99):
            return None
        space_count = int(np.count_nonzero(np.equal(block, _SPACE, out=marks.view(bool))))
        table = values.reshape(len(rows.starts), -1)
        names = _find_part_names(rows, ends.reshape(len(rows.starts), -1), digit_count + space_count)
        if names is None or not _PART_NUMBERS.keys() >= set(names) or table[:, 0].max() >= FER_EMOTIONS:
            return None
        return table, names

    def _borrow_arrays(self, length: int) -> npt.NDArray[np.uint8]:
        """Return uint8 (4, length), uninitialized, valid until the next call."""
        if self._arrays.shape[1] < length:
            self._arrays = np.empty((4, length), np.uint8)
        return self._arrays[:, :length]


def _find_part_names(rows: "_Block", ends: npt.NDArray[np.int64], digit_and_space_count: int) -> list[bytes] | None:
    """Find the split's name in each row; None unless each row has only numbers, spaces and two commas.

    ends: int64 (rows, 2305), end of each number in the block.
    """
    first, last = ends[:, 0], ends[:, -1]
    are_commas = (rows.bytes[first + 1] == _COMMA) & (rows.bytes[last + 1] == _COMMA)
    if not np.all(are_commas & (first == rows.starts)):
        return None
    bounds = zip((last + 2 + rows.offset).tolist(), (rows.ends + rows.offset).tolist(), strict=True)
    names = [rows.text[start:stop] for start, stop in bounds]
    others = sum(map(len, names)) + 3 * len(rows.starts)  # two commas and the newline
    return names if len(rows.bytes) == digit_and_space_count + others else None


def _decode_row(
    line: bytes,
    layout: Layout,
    image: npt.NDArray[np.uint8],
    emotions: npt.NDArray[np.uint8],
    parts: npt.NDArray[np.uint8],
) -> str:
    """Decode one row into views of the arrays. Returns the reason if it is unusable, otherwise None."""
    fields = layout.split(line)
    if len(fields) != layout.count:
        return f"{len(fields)} fields in place of {layout.count}"
    emotion, pixels, part = (field.decode("utf-8", "replace").strip() for field in layout.pick(fields))
    if emotion not in {str(number) for number in range(FER_EMOTIONS)}:
        return f"emotion {emotion[:20]!r} is not 0 to {FER_EMOTIONS - 1}"
    if part.encode() not in _PART_NUMBERS:
        return f"Usage {part[:20]!r} is not one of {', '.join(PARTS)}"
    values = pixels.split()
    if len(values) != PIXELS:
        return f"{len(values)} pixels in place of {PIXELS}"
    strange = next((value for value in values if not (value.isascii() and value.isdigit() and int(value) <= 255)), None)
    if strange is not None:
        return f"pixel {strange[:20]!r} is not 0 to 255"
    image[:] = np.array(values, np.uint8)
    emotions[:] = int(emotion)
    parts[:] = _PART_NUMBERS[part.encode()]
    return ""
