"""How a stored picture is turned upright: by EXIF alone, as browsers do.

XMP says it too in some files, and browsers don't look there. HEIC and AVIF are turned by their own container, and their EXIF
counts for nothing.
"""

from typing import Final

from PIL import ExifTags, Image

from db.photos.errors import is_interruption
from db.photos.png_chunks import find_chunk

UPRIGHT: Final = 1

TURNED_BY_READER = frozenset({"HEIF"})
"""Formats whose reader turns the picture by itself. AVIF's reader hands its container's turn on as EXIF."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the picture upright."""

SIDEWAYS = frozenset({5, 6, 7, 8})
"""The orientations of a picture that lies on its side: upright, width and height change places."""


def read_orientation(image: Image.Image, data: bytes) -> int:
    """EXIF's number for how a picture is still to be turned, 1 to 8; 1, upright, where there is none that makes sense.

    image: opened, not yet decoded. data: its file. An EXIF block that can't be read turns nothing, as in every viewer.
    """
    if image.format in TURNED_BY_READER:
        return UPRIGHT
    if image.format == "TIFF":
        return _check(image.tag_v2.get(ExifTags.Base.Orientation))  # type: ignore[attr-defined]
    # A PNG may have its EXIF behind its pixels, where Pillow finds it only after decoding.
    block = find_chunk(data, b"eXIf") if image.format == "PNG" else image.info.get("exif")
    if not isinstance(block, bytes):
        return UPRIGHT
    exif = Image.Exif()
    try:
        exif.load(block)
        return _check(exif.get(ExifTags.Base.Orientation))
    except Exception as error:  # what Pillow raises depends on where the block is damaged
        if is_interruption(error):
            raise
        return UPRIGHT


def _check(found: object) -> int:
    return found if isinstance(found, int) and found in TURNS else UPRIGHT
