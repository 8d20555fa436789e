"""Turns stored pictures upright by EXIF, as browsers do.

Some files repeat the orientation in XMP, which browsers ignore. HEIC and AVIF are turned by their container, and their EXIF
orientation is ignored.
"""

from typing import Final

from PIL import ExifTags, Image

from db.photos.errors import is_interruption
from db.photos.png_chunks import find_chunk

UPRIGHT: Final = 1

TURNED_BY_READER = frozenset({"HEIF"})
"""Formats whose reader turns the picture itself. AVIF's reader reports its container's rotation as EXIF."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> Pillow's operation that makes the picture upright."""

SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that swap width and height."""


def read_orientation(image: Image.Image, data: bytes) -> int:
    """Return the EXIF orientation still to be applied, 1 to 8; 1 (upright) if there is no valid one.

    image: opened, not decoded. data: its file. An unreadable EXIF block is ignored, as in every viewer.
    """
    if image.format in TURNED_BY_READER:
        return UPRIGHT
    if image.format == "TIFF":
        return _check(image.tag_v2.get(ExifTags.Base.Orientation))  # type: ignore[attr-defined]
    # A PNG may have its EXIF after its pixels, where Pillow finds it only after decoding.
    block = find_chunk(data, b"eXIf") if image.format == "PNG" else image.info.get("exif")
    if not isinstance(block, bytes):
        return UPRIGHT
    exif = Image.Exif()
    try:
        exif.load(block)
        return _check(exif.get(ExifTags.Base.Orientation))
    except Exception as error:  # Pillow's exception depends on where the block is damaged
        if is_interruption(error):
            raise
        return UPRIGHT


def _check(found: object) -> int:
    return found if isinstance(found, int) and found in TURNS else UPRIGHT
