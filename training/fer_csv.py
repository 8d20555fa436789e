"""FER2013's CSV text -> arrays, in one pass over the bytes.

A row is `emotion,pixels,Usage`: FER2013's emotion number, 2,304 integers separated by spaces, and the part's name. A block of rows
that looks exactly like that is decoded by NumPy on whole bytes; any other block is read row by row, slowly, and every
row in it that can't be used is named with its line and the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from db.vocabulary import CROP_SIDE
from training.errors import DatasetError

HEADER = ("emotion", "pixels", "Usage")
PARTS = ("Training", "PublicTest", "PrivateTest")
PIXELS = CROP_SIDE * CROP_SIDE
FER_EMOTIONS = 7

_ROWS_A_BLOCK = 64
"""About 0.5 MB of text, so that a block's temporary arrays stay in the processor's cache."""

_PART_NUMBERS = {part.encode(): number for number, part in enumerate(PARTS)}
_SPACE, _COMMA, _NEWLINE, _ZERO = 32, 44, 10, 48


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: its line in the file (the header is line 1) and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CsvRows:
    """Every usable row of a CSV, in the file's order.

    images: uint8 (N, 48, 48). emotions: uint8 (N,), FER2013's own numbers. parts: uint8 (N,), index into PARTS.
    positions: int64 (N,), which row of the file (0 is the first after the header), so that a second file can be lined up.
    row_count: rows in the file, bad ones included.
    """

    images: npt.NDArray[np.uint8]
    emotions: npt.NDArray[np.uint8]
    parts: npt.NDArray[np.uint8]
    positions: npt.NDArray[np.int64]
    row_count: int
    bad_rows: tuple[BadRow, ...]


def parse_rows(text: bytes) -> CsvRows:
    """Decode the whole CSV.

    Raises DatasetError if the header isn't FER2013's or there isn't one usable row.
    """
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    header, _, _ = text.partition(b"\n")
    names = tuple(name.strip().strip('"') for name in header.decode("utf-8", "replace").split(","))
    if names != HEADER:
        raise DatasetError(f"the first line must be `{','.join(HEADER)}`, and is `{','.join(names)[:80]}`")
    body = text if text.endswith(b"\n") else text + b"\n"
    buffer = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(buffer == _NEWLINE)
    starts, ends = ends[:-1] + 1, ends[1:]
    count = len(starts)
    images = np.empty((count, PIXELS), np.uint8)
    emotions = np.empty(count, np.uint8)
    parts = np.empty(count, np.uint8)
    is_good = np.ones(count, bool)
    bad_rows: list[BadRow] = []
    for first, stop in _block_bounds(count):
        rows = slice(first, stop)
        block = buffer[starts[first] : ends[stop - 1] + 1]
        if _decode_block(block, starts[rows] - starts[first], images[rows], emotions[rows], parts[rows]):
            continue
        for row in range(first, stop):
            one = slice(row, row + 1)
            reason = _decode_row(body[starts[row] : ends[row]], images[row], emotions[one], parts[one])
            if reason:
                is_good[row] = False
                bad_rows.append(BadRow(row + 2, reason))
    positions = np.flatnonzero(is_good)
    if not len(positions):
        raise DatasetError(f"none of the {count} rows can be used" + (f": {bad_rows[0].reason}" if bad_rows else ""))
    if len(positions) < count:
        images, emotions, parts = images[positions], emotions[positions], parts[positions]
    return CsvRows(images.reshape(-1, CROP_SIDE, CROP_SIDE), emotions, parts, positions, count, tuple(bad_rows))


def _block_bounds(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, _ROWS_A_BLOCK):
        yield first, min(first + _ROWS_A_BLOCK, count)


def _decode_block(
    block: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    images: npt.NDArray[np.uint8],
    emotions: npt.NDArray[np.uint8],
    parts: npt.NDArray[np.uint8],
) -> bool:
    """Decode a block of well-formed rows into the given views. False, with the views undefined, if any row isn't."""
    table = _find_fields(block, starts)
    if table is None:
        return False
    digits = block - np.uint8(_ZERO)
    lengths = np.diff(table, axis=1) - 1
    before = table[:, 1:] - 1
    values = digits[before].astype(np.uint16)
    values += np.where(lengths > 1, digits[before - 1], 0) * np.uint16(10)
    values += np.where(lengths > 2, digits[before - 2], 0) * np.uint16(100)
    emotions[:] = digits[starts]
    if values.max() > 255 or emotions.max() >= FER_EMOTIONS:
        return False
    images[:] = values
    stops = np.append(starts[1:], len(block)) - 1
    names = [
        block[start:stop].tobytes() for start, stop in zip((table[:, -1] + 1).tolist(), stops.tolist(), strict=True)
    ]
    if not all(name in _PART_NUMBERS for name in names):
        return False
    parts[:] = [_PART_NUMBERS[name] for name in names]
    return True


def _find_fields(block: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Where the emotion and each pixel of each row end, int64 (rows, 2305); nothing unless each is 1 to 3 digits long."""
    count = len(starts)
    ends = np.flatnonzero((block == _SPACE) | (block == _COMMA))
    if len(ends) != count * (PIXELS + 1) or np.count_nonzero(block == _COMMA) != 2 * count:
        return None
    table = ends.reshape(count, PIXELS + 1)
    first, last = table[:, 0], table[:, -1]
    are_commas = (block[first] == _COMMA) & (block[last] == _COMMA)
    lengths = np.diff(table, axis=1) - 1
    # what isn't a digit wraps to more than 9; no part's name has a digit in it
    digit_count = np.count_nonzero(block - np.uint8(_ZERO) < 10)
    is_sound = np.all(are_commas & (first == starts + 1)) and lengths.min() >= 1 and lengths.max() <= 3
    return table if is_sound and digit_count == lengths.sum() + count else None


def _decode_row(
    line: bytes,
    image: npt.NDArray[np.uint8],
    emotions: npt.NDArray[np.uint8],
    parts: npt.NDArray[np.uint8],
) -> str:
    """Decode one row into the given views of it. The reason if it can't be used, otherwise nothing."""
    fields = line.decode("utf-8", "replace").strip().split(",")
    if len(fields) != len(HEADER):
        return f"{len(fields)} fields in place of {len(HEADER)}"
    emotion, pixels, part = (field.strip().strip('"') for field in fields)
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
