"""How much memory decoding a picture takes at its peak, estimated from its header.

The numbers are bytes a pixel, measured in real processes: `python -m bench.analysis.large_photos`, docs/decisions/0305.
"""

import math
from typing import Any

from PIL import Image

from db.photos.jpeg_segments import read_jpeg_frame

MAX_DECODING_BYTES = 550_000_000
"""What decoding one picture may take unless a setting says otherwise. A worker process needs about 250 MB beside it."""

MAX_KEPT_PIXELS = 25_000_000
"""A decoded picture of more pixels is kept at a half, a quarter or an eighth of its sides."""

FACTORS = (1, 2, 4, 8)

LARGE_BYTES = 128_000_000
"""A picture that takes more than this is decoded while no other such picture is, on the whole machine."""

_STORED_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""What Pillow keeps for a pixel, by mode; four bytes for every other."""

_WHOLE_BYTES = {"WEBP": 21.0, "AVIF": 14.0, "HEIF": 8.5}
"""What a format takes that its library decodes in one go, Pillow's own copy included: the most of its kinds, measured."""

_LOSSY_WEBP_BYTES = 16.0
"""What a WebP takes that is neither lossless nor transparent."""

_KEPT_BYTES = 10
"""A pixel of the picture that is kept: Pillow's four bytes, and two copies of three while it becomes an array."""

_JPEG_BYTES = 6
"""A pixel of a JPEG as OpenCV decodes it."""

_ROW_BUFFER_BYTES = 24_000_000
"""What goes through the conversions at a time (`db.photos.pixels`)."""


def choose_factor(width: int, height: int, max_pixels: int = MAX_KEPT_PIXELS) -> int:
    """By how much each side is divided, 1, 2, 4 or 8, so that at most `max_pixels` are left if that can be had."""
    return next((factor for factor in FACTORS if _count_kept(width, height, factor) <= max_pixels), FACTORS[-1])


def _count_kept(width: int, height: int, factor: int) -> int:
    """Pixels of the reduced picture, whose sides are rounded up: one row stays one row."""
    return math.ceil(width / factor) * math.ceil(height / factor)


def estimate_peak_bytes(image: Image.Image, data: bytes, factor: int | None = None) -> int:
    """Most bytes that decoding takes, from the opened file to the array that is kept.

    image: opened, not decoded. data: its file. factor: by which each side is divided; None takes the least that is allowed.
    """
    width, height = image.size
    pixels = width * height
    factor = factor or choose_factor(width, height)
    kept = _count_kept(width, height, factor)
    if image.format == "JPEG":
        return _JPEG_BYTES * kept + _KEPT_BYTES * kept * (image.mode == "CMYK") + _count_kept_coefficients(data)
    stored = pixels * _STORED_BYTES.get(image.mode, 4)
    decoding = stored + _measure_reader(image, data, pixels)
    converting = stored + 4 * kept + (0 if factor == 1 else _ROW_BUFFER_BYTES)
    return max(decoding, converting, _KEPT_BYTES * kept)


def _count_kept_coefficients(data: bytes) -> int:
    """A JPEG in several scans is kept as coefficients until the last scan, at full size whatever size is asked for."""
    frame = read_jpeg_frame(data)
    return 2 * frame.coefficients if frame is not None and frame.has_several_scans else 0


def _measure_reader(image: Image.Image, data: bytes, pixels: int) -> int:
    """What a format's reader needs beside Pillow's own copy."""
    if image.format in _WHOLE_BYTES:
        is_lossy_webp = image.format == "WEBP" and data[12:16] == b"VP8 "
        whole = _LOSSY_WEBP_BYTES if is_lossy_webp else _WHOLE_BYTES[image.format]
        return round(pixels * (whole - 4))
    if image.format == "BMP":
        return 2 * pixels  # run lengths are undone in Python, in a buffer that is copied once
    if image.format == "TIFF":
        return _measure_tiff_strip(image)
    return 0


def _measure_tiff_strip(image: Any) -> int:
    """Libtiff decodes a strip or a tile at a time, which may be the whole picture."""
    tags = image.tag_v2
    width, height = image.size
    if image.tile and image.tile[0][0] != "libtiff":
        return 0
    across = tags.get(322, width)
    down = tags.get(323, tags.get(278, height))
    bits = tags.get(258, (8,))
    bits_a_pixel = max(1, int(sum(bits) if len(bits) > 1 else bits[0] * tags.get(277, 1)))
    longest = int(max(width, height))
    if not isinstance(across, int) or not isinstance(down, int):
        return longest * longest * 4
    return min(across, 2 * longest) * min(down, 2 * longest) * bits_a_pixel // 8
