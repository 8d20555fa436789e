"""Looks at a picture's header: which format it is, and how many pixels it has. No pixel is ever decoded here.

Pillow's own `Image.open` warns of large pictures through Python's warnings, which are the whole process's, and tries
formats that we don't take. So its readers are called one by one, and the pixels are counted here.
"""

import io
from dataclasses import dataclass

import pillow_heif
from PIL import ExifTags, Image

pillow_heif.register_heif_opener()
Image.init()

_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}
"""Pillow's names of the formats that we take, in the order they are tried. AVIF goes before HEIF, its container."""

MEDIA_TYPES = tuple(_MEDIA_TYPES.values())

_MAGIC_BYTES = 64
"""More than the longest beginning by which a format is known."""

_LYING = frozenset({5, 6, 7, 8})
"""The EXIF orientations of a picture that lies on its side: upright, width and height change places."""


class NotAPicture(Exception):
    """The bytes are of none of the formats that are taken."""

    code = "not_a_picture"


class BrokenPicture(Exception):
    """The bytes begin like a picture, but the header can't be read."""

    code = "broken_picture"


class TooManyPixels(Exception):
    """The picture has more pixels than are taken."""

    code = "too_many_pixels"


@dataclass(frozen=True)
class PictureHeader:
    """What a header says. width, height: pixels of the upright picture (its first frame)."""

    media_type: str
    width: int
    height: int


def read_header(data: bytes, max_pixels: int) -> PictureHeader:
    """Tell a picture's format by its content, and its size by its header.

    Raises NotAPicture, BrokenPicture or TooManyPixels (more than `max_pixels`, width times height).
    """
    with open_header(data) as image:
        width, height = image.size
        if width < 1 or height < 1:
            raise BrokenPicture(f"the header says that the picture is {width} by {height} pixels")
        if width * height > max_pixels:
            raise TooManyPixels(f"the picture has {width * height:,} pixels; at most {max_pixels:,} are taken")
        if _read_orientation(image) in _LYING:
            width, height = height, width
        return PictureHeader(_MEDIA_TYPES["JPEG" if image.format == "MPO" else image.format or ""], width, height)


def open_header(data: bytes) -> Image.Image:
    """Open a picture without decoding it. Raises NotAPicture or BrokenPicture."""
    start = data[:_MAGIC_BYTES]
    reason: Exception | None = None
    for name in _MEDIA_TYPES:
        factory, accept = Image.OPEN[name]
        if accept is not None and accept(start) is not True:
            continue
        try:
            return factory(io.BytesIO(data), "")
        except Exception as error:  # noqa: BLE001  # a reader may raise anything at hostile bytes
            reason = error
    if reason is None:
        raise NotAPicture("the content is none of JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF")
    raise BrokenPicture("the content begins like a picture, but its header can't be read") from reason


def _read_orientation(image: Image.Image) -> int:
    """EXIF orientation by which a picture is still to be turned, 1 to 8; 1 where the header doesn't say.

    Pillow turns TIFF by itself, and HEIC is turned by its own container. `Image.getexif` would decode a PNG, to look behind
    its pixels.
    """
    block = image.info.get("exif")
    if image.format in {"TIFF", "HEIF"} or not isinstance(block, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        found = exif.get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001  # an EXIF block that can't be read turns nothing, here as in every viewer
        return 1
    return found if isinstance(found, int) else 1
