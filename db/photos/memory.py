"""Estimates the peak memory of decoding a picture from its header.

The numbers are bytes per pixel, measured in real processes: `python -m bench.analysis.large_photos`, docs/decisions/0305.
"""

import math
from typing import Any

from PIL import Image

from db.photos.jpeg_segments import read_jpeg_frame

MAX_DECODING_BYTES = 550_000_000
"""Default limit for decoding one picture. A worker process needs about 250 MB besides."""

MAX_KEPT_PIXELS = 25_000_000
"""Pictures with more pixels are decoded to a half, a quarter or an eighth of their sides."""

FACTORS = (1, 2, 4, 8)

LARGE_BYTES = 128_000_000
"""Pictures that need more than this are decoded one at a time on the whole machine."""

_STORED_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Pillow's bytes per pixel, by mode; four for all others."""

_WHOLE_BYTES = {"WEBP": 21.0, "AVIF": 14.0, "HEIF": 8.5}
"""Bytes per pixel of formats whose library decodes in one go, including Pillow's copy: the measured maximum."""

_LOSSY_WEBP_BYTES = 16.0
"""Bytes per pixel of a WebP that is neither lossless nor transparent."""

_KEPT_BYTES = 10
"""Bytes per pixel of the resulting picture: Pillow's four, and two copies of three while it becomes an array."""

_JPEG_BYTES = 6
"""Bytes per pixel of a JPEG decoded by OpenCV."""

_ROW_BUFFER_BYTES = 24_000_000
"""Bytes that are converted at a time (`db.photos.pixels`)."""


def choose_factor(width: int, height: int, max_pixels: int = MAX_KEPT_PIXELS) -> int:
    """Return the factor, 1, 2, 4 or 8, by which to divide each side so that at most `max_pixels` are left, if possible."""
    return next((factor for factor in FACTORS if _count_kept(width, height, factor) <= max_pixels), FACTORS[-1])


def _count_kept(width: int, height: int, factor: int) -> int:
    """Return the pixels of the reduced picture. Sides are rounded up, so one row stays one row."""
    return math.ceil(width / factor) * math.ceil(height / factor)


def estimate_peak_bytes(image: Image.Image, data: bytes, factor: int | None = None) -> int:
    """Return the peak bytes of decoding, from the opened file to the final array.

    image: opened, not decoded.
    data: its file.
    factor: by which each side is divided; None takes the smallest allowed.
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
    """Return the bytes of coefficients that a JPEG with several scans keeps until the last one, at full size whatever the
    factor.
    """
    frame = read_jpeg_frame(data)
    return 2 * frame.coefficients if frame is not None and frame.has_several_scans else 0


def _measure_reader(image: Image.Image, data: bytes, pixels: int) -> int:
    """Return what a format's reader needs besides Pillow's own copy."""
    if image.format in _WHOLE_BYTES:
        is_lossy_webp = image.format == "WEBP" and data[12:16] == b"VP8 "
        whole = _LOSSY_WEBP_BYTES if is_lossy_webp else _WHOLE_BYTES[image.format]
        return round(pixels * (whole - 4))
    if image.format == "BMP":
        return 2 * pixels  # run-length decoding in Python, in a buffer that is copied once
    if image.format == "TIFF":
        return _measure_tiff_strip(image)
    return 0


def _measure_tiff_strip(image: Any) -> int:
    """Return the size of a strip or tile, which libtiff decodes at a time. It may be the whole picture."""
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
