"""Reads a photo's header: format, size, orientation, memory. Used by API and workers.

`db.photos.pixels` decodes every accepted photo to the size found here, or reports missing rows. No pixel is decoded here.
"""

import io
from dataclasses import dataclass

from PIL import Image

from db.photos.claimed_size import find_largest_item, read_claimed_size
from db.photos.errors import BrokenPicture, NotAPicture, TooManyPixels, TooMuchMemory, is_interruption
from db.photos.formats import MEDIA_TYPES_BY_FORMAT, list_readers
from db.photos.jpeg_segments import clean_jpeg
from db.photos.memory import estimate_peak_bytes
from db.photos.orientation import SIDEWAYS, read_orientation
from db.photos.png_chunks import clean_png

MAX_SIDE_PX = 1_000_000
"""Longest side of a picture. Real photos are far smaller; each row needs memory of its own, and so does the length of a row."""

_CLEANERS = {"JPEG": clean_jpeg, "PNG": clean_png}
"""Functions that remove the parts of a file that no pixel needs, for files in which such a part is damaged."""


@dataclass(frozen=True)
class PictureHeader:
    """Contents of a header. width, height: pixels of the upright photo (its first frame)."""

    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class OpenedPhoto:
    """A photo with an accepted header.

    image: opened by Pillow, not decoded.
    data: the file, or a copy without damaged parts.
    orientation: EXIF's number, 1 to 8.
    peak_bytes: maximum memory of decoding it.
    """

    image: Image.Image
    data: bytes
    header: PictureHeader
    orientation: int
    peak_bytes: int

    def estimate_peak_bytes(self, factor: int) -> int:
        """Return the maximum memory of decoding at a fraction of the size."""
        return estimate_peak_bytes(self.image, self.data, factor)

    def reopen(self) -> Image.Image:
        """Open the same picture again, undecoded."""
        image, _ = _open(self.data)
        return image


def read_header(data: bytes, max_pixels: int, max_decoding_bytes: int) -> PictureHeader:
    """Detect a picture's format from its content, and read its size. Raises as open_photo does."""
    photo = open_photo(data, max_pixels, max_decoding_bytes)
    photo.image.close()
    return photo.header


def open_photo(data: bytes, max_pixels: int, max_decoding_bytes: int) -> OpenedPhoto:
    """Read a photo's header.

    max_pixels: maximum width times height.
    max_decoding_bytes: maximum memory for decoding.
    Raises NotAPicture, BrokenPicture, TooManyPixels or TooMuchMemory.
    """
    _check_pixels(read_claimed_size(data), max_pixels)
    try:
        image, data = _open(data)
    except BrokenPicture:
        _check_pixels(find_largest_item(data), max_pixels)
        raise
    width, height = image.size
    if width < 1 or height < 1:
        raise BrokenPicture(f"the header says that the picture is {width} by {height} pixels")
    _check_pixels((width, height), max_pixels)
    peak_bytes = estimate_peak_bytes(image, data)
    if peak_bytes > max_decoding_bytes:
        raise TooMuchMemory(
            f"decoding the picture would take {peak_bytes // 1_000_000:,} MB of memory; at most "
            f"{max_decoding_bytes // 1_000_000:,} MB are allowed. A smaller picture, or the same one as a baseline JPEG, takes less"
        )
    orientation = read_orientation(image, data)
    # Pillow gives a TIFF's size in upright orientation.
    if orientation in SIDEWAYS and image.format != "TIFF":
        width, height = height, width
    header = PictureHeader(MEDIA_TYPES_BY_FORMAT[image.format or ""], width, height)
    return OpenedPhoto(image, data, header, orientation, peak_bytes)


def _check_pixels(size: tuple[int, int] | None, max_pixels: int) -> None:
    if size is not None and max(size) > MAX_SIDE_PX:
        raise TooManyPixels(f"the picture has a side of {max(size):,} pixels; at most {MAX_SIDE_PX:,} are taken")
    if size is not None and size[0] * size[1] > max_pixels:
        raise TooManyPixels(f"the picture has {size[0] * size[1]:,} pixels; at most {max_pixels:,} are taken")


def _open(data: bytes) -> tuple[Image.Image, bytes]:
    """Open a picture with the first reader that accepts it. Returns it with the bytes that were read."""
    readers = list_readers(data)
    if not readers:
        raise NotAPicture("the content is none of JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF")
    reason: Exception | None = None
    for name, reader in readers:
        for version in (data, None):
            try:
                content = data if version is not None else _CLEANERS[name](data)
                return reader(io.BytesIO(content), ""), content
            except Exception as error:  # readers may raise anything on malicious input
                if is_interruption(error):
                    raise
                reason = reason or error
    raise BrokenPicture("the content starts like a picture, but its header can't be read") from reason
