"""Small pictures in every format."""

import io
from typing import Any

from PIL import ExifTags, Image


def encode_picture(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """The picture as a file. options: Pillow's own."""
    made = io.BytesIO()
    image.save(made, image_format, **options)
    return made.getvalue()


def make_photo(
    image_format: str = "JPEG", size: tuple[int, int] = (64, 48), colour: str = "navy", orientation: int = 1
) -> bytes:
    """A picture of one colour. orientation: as EXIF counts it, 1 for upright."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    more = {} if orientation == 1 else {"exif": exif}
    return encode_picture(Image.new("RGB", size, colour), image_format, **more)
