"""Parses the segments of a JPEG file up to its first scan, for its size and kind and to remove damaged ones."""

from collections.abc import Iterator
from dataclasses import dataclass

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_START_OF_SCAN = 0xDA
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, restart markers, and start of image."""

_KEPT_APPLICATION_SEGMENTS = frozenset({0xE0, 0xEE})
"""JFIF and Adobe, which define the meaning of the samples. EXIF is kept too."""


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """Contents of a JPEG's frame header.

    width, height: as stored.
    coefficients: DCT coefficients of the whole picture, which a decoder keeps (two bytes each) if the picture has several
    scans.
    has_several_scans: progressive, or with components in separate scans.
    """

    width: int
    height: int
    coefficients: int
    has_several_scans: bool


def read_jpeg_frame(data: bytes) -> JpegFrame | None:
    """Read the first frame header. None if there is none before the first scan."""
    found: tuple[int, int, int, int, bool] | None = None
    for marker, start, end in _list_segments(data):
        if marker in _START_OF_FRAME and found is None and end - start >= 6:
            height, width = (
                int.from_bytes(data[start + 1 : start + 3], "big"),
                int.from_bytes(data[start + 3 : start + 5], "big"),
            )
            count = data[start + 5]
            sampling = [byte for byte in data[start + 7 : end : 3][:count] if byte >> 4 and byte & 15]
            found = width, height, count, _count_coefficients(width, height, sampling), marker in _PROGRESSIVE
        elif marker == _START_OF_SCAN and found is not None:
            width, height, count, coefficients, is_progressive = found
            scanned = data[start] if end > start else count
            return JpegFrame(width, height, coefficients, is_progressive or scanned < count)
    if found is None:
        return None
    width, height, _, coefficients, is_progressive = found
    return JpegFrame(width, height, coefficients, is_progressive)


def clean_jpeg(data: bytes) -> bytes:
    """Return the same picture without optional segments: comments, previews, maker notes. EXIF is kept."""
    kept = [data[:2]]
    for marker, start, end in _list_segments(data):
        if marker == _START_OF_SCAN:
            kept.append(data[start - 4 :])
            break
        is_application = 0xE0 <= marker <= 0xEF
        is_exif = marker == 0xE1 and data[start : start + 4] == b"Exif"
        if is_exif or marker in _KEPT_APPLICATION_SEGMENTS or not (is_application or marker == 0xFE):
            kept.append(data[start - 4 : end])
    return b"".join(kept)


def _count_coefficients(width: int, height: int, sampling: list[int]) -> int:
    if not sampling:
        return 0
    most_x, most_y = max(byte >> 4 for byte in sampling), max(byte & 15 for byte in sampling)
    columns, rows = -(-width // (8 * most_x)), -(-height // (8 * most_y))
    return sum(columns * (byte >> 4) * rows * (byte & 15) * 64 for byte in sampling)


def _list_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """List marker, start and end of each segment's content; the last one is the first scan's header."""
    at = 2
    while True:
        at = data.find(b"\xff", at)
        while at >= 0 and at + 1 < len(data) and data[at + 1] == 0xFF:
            at += 1
        if at < 0 or at + 4 > len(data):
            return
        marker = data[at + 1]
        at += 2
        if marker == 0 or marker in _ALONE:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        yield marker, at + 2, min(max(end, at + 2), len(data))
        if marker == _START_OF_SCAN or end < at + 2:
            return
        at = end
