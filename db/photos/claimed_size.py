"""Reads the size that a file claims, without a decoder.

Some decoders allocate memory for the claimed size when they open a file, and some report large sizes as damage. So the claim is
checked first.
"""

import struct
from collections.abc import Callable

from db.photos import jpeg_segments, png_chunks

Size = tuple[int, int]


def read_claimed_size(data: bytes) -> Size | None:
    """Return the stored width and height in pixels, or None if the header ends before them.

    HEIC and AVIF aren't read here; `find_largest_item` is used if their reader fails.
    """
    for start, read in _READERS.items():
        if data.startswith(start):
            try:
                return read(data)
            except (struct.error, IndexError):
                return None
    return None


def find_largest_item(data: bytes) -> Size | None:
    """Return the largest size of any picture in a HEIC or AVIF file; None if there is none."""
    sizes = []
    at = data.find(b"ispe")
    while at >= 0 and at + 16 <= len(data):
        sizes.append(struct.unpack_from(">II", data, at + 8))
        at = data.find(b"ispe", at + 4)
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _read_jpeg(data: bytes) -> Size | None:
    frame = jpeg_segments.read_jpeg_frame(data)
    return None if frame is None else (frame.width, frame.height)


def _read_png(data: bytes) -> Size:
    return struct.unpack_from(">II", data, 16)


def _read_gif(data: bytes) -> Size:
    return struct.unpack_from("<HH", data, 6)


def _read_bmp(data: bytes) -> Size:
    if struct.unpack_from("<I", data, 14)[0] == 12:
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _read_webp(data: bytes) -> Size | None:
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def _read_tiff(data: bytes) -> Size | None:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    sides: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if tag in {256, 257} and kind in {3, 4}:
            (sides[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, entry + 8)
    return (sides[256], sides[257]) if len(sides) == 2 else None


_READERS: dict[bytes, Callable[[bytes], Size | None]] = {
    b"\xff\xd8\xff": _read_jpeg,
    png_chunks.SIGNATURE: _read_png,
    b"GIF87a": _read_gif,
    b"GIF89a": _read_gif,
    b"BM": _read_bmp,
    b"RIFF": _read_webp,
    b"II*\0": _read_tiff,
    b"MM\0*": _read_tiff,
}
"""First bytes of each format -> function that reads its size."""
