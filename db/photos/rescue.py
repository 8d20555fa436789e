"""Fallbacks for files that failed to decode although all rows of their pixels may be there."""

import io
import math

from PIL import Image, ImageChops, JpegImagePlugin, PngImagePlugin

from db.photos.memory import FACTORS
from db.photos.png_chunks import repair_png

_END_OF_JPEG = b"\xff\xd9"
_FILLER = bytes(range(1, 255)) * 4
"""Bytes that no JPEG decoder reads as a marker."""


def reopen_rescued(image_format: str | None, data: bytes, size: tuple[int, int]) -> Image.Image | None:
    """Open a file that failed to decode, by another method. None if rows are missing or this can't be determined.

    size: that the first attempt would have had. A PNG's pixel stream is rebuilt. A JPEG gets its missing end marker.
    """
    if image_format == "PNG":
        repaired = repair_png(data)
        return None if repaired is None else PngImagePlugin.PngImageFile(io.BytesIO(repaired), "")
    if image_format == "JPEG" and _has_all_rows(data, size):
        return _open_jpeg(data + _END_OF_JPEG, size)
    return None


def _has_all_rows(data: bytes, size: tuple[int, int]) -> bool:
    """Return whether a JPEG without an end marker has its last row.

    Libjpeg fills missing data from whatever follows. If it fills nothing, the following bytes make no difference.
    """
    ended, filled = (_open_jpeg(data + more + _END_OF_JPEG, size) for more in (b"", _FILLER))
    return ImageChops.difference(ended, filled).getbbox() is None


def _open_jpeg(data: bytes, size: tuple[int, int]) -> Image.Image:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data), "")
    width, height = image.size
    # Pillow reduces by the factor that fits the requested size, so requesting the rounded-up size would give twice that size.
    for factor in FACTORS:
        if size == (math.ceil(width / factor), math.ceil(height / factor)):
            image.draft(None, (max(1, width // factor), max(1, height // factor)))
            break
    return image
