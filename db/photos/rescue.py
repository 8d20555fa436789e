"""Second ways to decode a file on which the first one failed, although every row of its pixels may be there."""

import io
import math

from PIL import Image, ImageChops, JpegImagePlugin, PngImagePlugin

from db.photos.memory import FACTORS
from db.photos.png_chunks import repair_png

_END_OF_JPEG = b"\xff\xd9"
_FILLER = bytes(range(1, 255)) * 4
"""Bytes that no JPEG decoder takes for a marker."""


def reopen_rescued(image_format: str | None, data: bytes, size: tuple[int, int]) -> Image.Image | None:
    """Open a file that could not be decoded in another way. None where rows of its pixels are missing, or it can't be told.

    size: that the first way was going to give. A PNG's stream of pixels is made anew. A JPEG gets the end marker that it lacks.
    """
    if image_format == "PNG":
        repaired = repair_png(data)
        return None if repaired is None else PngImagePlugin.PngImageFile(io.BytesIO(repaired), "")
    if image_format == "JPEG" and _has_all_rows(data, size):
        return _open_jpeg(data + _END_OF_JPEG, size)
    return None


def _has_all_rows(data: bytes, size: tuple[int, int]) -> bool:
    """Whether a JPEG without an end has its last row.

    Libjpeg makes up what is missing from whatever follows the data. If it makes nothing up, what follows makes no difference.
    """
    ended, filled = (_open_jpeg(data + more + _END_OF_JPEG, size) for more in (b"", _FILLER))
    return ImageChops.difference(ended, filled).getbbox() is None


def _open_jpeg(data: bytes, size: tuple[int, int]) -> Image.Image:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data), "")
    width, height = image.size
    # Pillow reduces by as much as the wanted size goes in, so the size that it gave, rounded up, would give the double of it.
    for factor in FACTORS:
        if size == (math.ceil(width / factor), math.ceil(height / factor)):
            image.draft(None, (max(1, width // factor), max(1, height // factor)))
            break
    return image
