"""FER2013's CSV text -> arrays, in one pass over the bytes.

A row is `emotion,pixels,Usage`: FER2013's emotion number, 2,304 integers separated by spaces, and the part's name. A block of rows
that looks exactly like that is decoded by NumPy on whole bytes; any other block is read row by row, slowly, and every
row in it that can't be used is named with its line and the reason.
"""

import os
from concurrent.futures import ThreadPoolExecutor
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
_BYTES_A_PIECE = 1 << 20
_MAX_HEADER = 1000
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
    header, _, _ = text[:_MAX_HEADER].removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    if header.endswith(b"\r"):
        text = text.replace(b"\r\n", b"\n")
    names = tuple(name.strip().strip('"') for name in header.decode("utf-8", "replace").split(","))
    if names != HEADER:
        raise DatasetError(f"the first line must be `{','.join(HEADER)}`, and is `{','.join(names)[:80]}`")
    body = text if text.endswith(b"\n") else text + b"\n"
    buffer = np.frombuffer(body, np.uint8)
    ends = _find_newlines(buffer)
    starts, ends = ends[:-1] + 1, ends[1:]
    count = len(starts)
    images = np.empty((count, PIXELS), np.uint8)
    emotions = np.empty(count, np.uint8)
    parts = np.empty(count, np.uint8)
    is_good = np.ones(count, bool)
    bad_rows: list[BadRow] = []

    def decode(rows: range) -> bool:
        block = buffer[starts[rows.start] : ends[rows.stop - 1] + 1]
        view = slice(rows.start, rows.stop)
        return _decode_block(block, starts[view] - starts[rows.start], images[view], emotions[view], parts[view])

    blocks = [range(first, min(first + _ROWS_A_BLOCK, count)) for first in range(0, count, _ROWS_A_BLOCK)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        are_decoded = list(threads.map(decode, blocks))
    for rows, is_decoded in zip(blocks, are_decoded, strict=True):
        if is_decoded:
            continue
        for row in rows:
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


def _find_newlines(buffer: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where lines end, looked for a piece at a time, so that no array as long as the text is made."""
    pieces = range(0, len(buffer), _BYTES_A_PIECE)
    found = [np.flatnonzero(buffer[start : start + _BYTES_A_PIECE] == _NEWLINE) + start for start in pieces]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _decode_block(
    block: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    images: npt.NDArray[np.uint8],
    emotions: npt.NDArray[np.uint8],
    parts: npt.NDArray[np.uint8],
) -> bool:
    """Decode a block of well-formed rows into the given views. False, with the views undefined, if any row isn't."""
    digits = block - np.uint8(_ZERO)  # wraps, so that anything but a digit is more than 9
    is_digit = digits < 10
    ends = np.flatnonzero(is_digit[:-1] & ~is_digit[1:])
    if len(ends) != len(starts) * (PIXELS + 1):
        return False
    table = ends.reshape(len(starts), PIXELS + 1)
    if np.any(is_digit[3:] & is_digit[2:-1] & is_digit[1:-2] & is_digit[:-3]):
        return False
    names = _find_part_names(block, starts, table, int(np.count_nonzero(is_digit)))
    if names is None or any(name not in _PART_NUMBERS for name in names):
        return False
    # the value of the number that ends at each byte, if one does: nothing longer than three digits is left here
    digits *= is_digit
    values, hundreds = digits.copy(), digits[:-2] * is_digit[1:-1] * is_digit[2:]
    values[1:] += digits[:-1] * is_digit[1:] * np.uint8(10)
    values[2:] += hundreds * np.uint8(100)
    emotions[:] = digits[starts]
    # 256 to 299 have wrapped to less than 100
    if hundreds.max() > 2 or np.any((hundreds > 0) & (values[2:] < 100)) or emotions.max() >= FER_EMOTIONS:
        return False
    images[:] = values[ends].reshape(table.shape)[:, 1:]
    parts[:] = [_PART_NUMBERS[name] for name in names]
    return True


def _find_part_names(
    block: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], table: npt.NDArray[np.int64], digit_count: int
) -> list[bytes] | None:
    """The part's name of each row; nothing unless every row is numbers, spaces and two commas.

    table: int64 (rows, 2305), the place of each number's last digit.
    """
    first, last = table[:, 0], table[:, -1]
    are_commas = (block[first + 1] == _COMMA) & (block[last + 1] == _COMMA)
    if not np.all(are_commas & (first == starts)):
        return None
    stops = np.append(starts[1:], len(block)) - 1
    names = [block[start:stop].tobytes() for start, stop in zip((last + 2).tolist(), stops.tolist(), strict=True)]
    others = sum(map(len, names)) + 3 * len(starts)  # two commas and the line's end
    return names if len(block) == digit_count + np.count_nonzero(block == _SPACE) + others else None


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
