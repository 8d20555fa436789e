"""A photo's bytes -> its pixels, upright and RGB, whatever the format."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError
from pillow_heif import register_heif_opener

from worker.analysis.resize import Picture

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
"""Pillow's names of the formats that are read. Others, such as PostScript, would start programs or read files."""

SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")
"""How files of these formats start. WebP, HEIC and AVIF say it a few bytes later: see `_is_known_format`."""

DAMAGE_ERRORS = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, RuntimeError, LookupError, ArithmeticError, struct.error, cv2.error,
)  # fmt: skip
"""What Pillow's plugins and the libraries beneath raise for damaged files. Not every Exception: a time limit is one, too."""

MIN_REDUCED_SIDE_PX = 1280
"""A reduced picture keeps this longer side at least: no detector works on a larger one."""

REDUCTIONS = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
"""OpenCV's names for the bare bits; those with COLOR in their names include BGR, which can't be asked for along with RGB."""

ORIENTATIONS: dict[int, tuple[int | None, int | None]] = {
    1: (None, None),
    2: (None, 1),
    3: (cv2.ROTATE_180, None),
    4: (None, 0),
    5: (cv2.ROTATE_90_CLOCKWISE, 1),
    6: (cv2.ROTATE_90_CLOCKWISE, None),
    7: (cv2.ROTATE_90_CLOCKWISE, 0),
    8: (cv2.ROTATE_90_COUNTERCLOCKWISE, None),
}
"""EXIF orientation -> how to turn the picture, then about which axis to mirror it (0 x, 1 y), in OpenCV's terms."""

register_heif_opener()


class PhotoError(Exception):
    """A photo that can't be analysed. `code` is stable; the message is for the person who sent it."""

    code = "photo_unreadable"


class NotAPicture(PhotoError):
    """The bytes are of no format that the service reads."""

    code = "not_a_picture"


class BrokenPicture(PhotoError):
    """The file is damaged, or ends too early."""

    code = "broken_picture"


class TooManyPixels(PhotoError):
    """The picture has more pixels than the service takes."""

    code = "too_many_pixels"


class ReducedPicture(NamedTuple):
    """A picture at a fraction of its size.

    picture: uint8 (h, w, 3), RGB, upright.
    factor: 1, 2, 4 or 8; each side of `picture` is that of the photo divided by it, rounded up.
    width, height: of the photo, upright, at full size.
    """

    picture: Picture
    factor: int
    width: int
    height: int


def decode_photo(data: bytes, *, max_pixels: int) -> Picture:
    """Decode a JPEG, PNG, WebP, GIF (first frame), BMP, TIFF (first page), HEIC or AVIF file, told apart by content.

    max_pixels: most that the picture may have, width times height; checked before anything is decoded.
    Returns uint8 (H, W, 3), RGB, turned upright as its EXIF says. Transparent parts lie on white.
    Raises NotAPicture, BrokenPicture or TooManyPixels.

    Colours stay in the file's own colour space, as faces are judged in grey.
    """
    with _opened(data, max_pixels) as image:
        picture = _decode_jpeg(data, image, 1)
        return _decode_any(image) if picture is None else picture


def decode_reduced(data: bytes, *, max_pixels: int) -> ReducedPicture:
    """Decode a photo for finding faces in it: like `decode_photo`, but a large JPEG at a half, a quarter or an eighth.

    JPEG gives these sizes almost for free: a 4000x3000 photo takes 62 ms at full size, 21 ms at half.
    """
    with _opened(data, max_pixels) as image:
        factor = _choose_reduction(image)
        picture = _decode_jpeg(data, image, factor)
        if picture is None:
            picture, factor = _decode_any(image), 1
        if factor == 1:
            return ReducedPicture(picture, 1, picture.shape[1], picture.shape[0])
        width, height = reversed(image.size) if _read_orientation(image) >= 5 else image.size
        return ReducedPicture(picture, factor, width, height)


@contextmanager
def _opened(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Read a file's header, check it, and turn whatever Pillow raises, now or while decoding, into our errors."""
    try:
        with _without_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise TooManyPixels(
                    f"The picture has {image.width} x {image.height} pixels; at most {max_pixels} in all are taken."
                )
            yield image
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"The picture has far too many pixels; at most {max_pixels} are taken.") from error
    except UnidentifiedImageError as error:
        if _is_known_format(data):
            raise BrokenPicture("The file is damaged or ends too early.") from error
        raise NotAPicture(
            "The file is not a picture of a kind that is read: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF."
        ) from error
    except DAMAGE_ERRORS as error:
        raise BrokenPicture("The file is damaged or ends too early.") from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep Pillow's remarks on odd tags, one a file, out of the worker's log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _is_known_format(data: bytes) -> bool:
    return data.startswith(SIGNATURES) or data[8:12] == b"WEBP" or data[4:8] == b"ftyp"


def _is_plain_jpeg(image: Image.Image) -> bool:
    """Whether OpenCV decodes it, three times as fast as Pillow. CMYK it gets wrong."""
    return image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L")


def _choose_reduction(image: Image.Image) -> int:
    if not _is_plain_jpeg(image):
        return 1
    return next((factor for factor in (8, 4, 2) if max(image.size) >= factor * MIN_REDUCED_SIDE_PX), 1)


def _read_orientation(image: Image.Image) -> int:
    """EXIF's number for how the picture is to be turned, 1 to 8; 1, upright, where there is none that makes sense.

    An EXIF block that can't be read turns nothing, as in every viewer: the pixels are sound all the same.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DAMAGE_ERRORS:
        return 1
    return orientation if orientation in range(1, 9) else 1


def _decode_jpeg(data: bytes, image: Image.Image, factor: int) -> Picture | None:
    """Decode by OpenCV; None where the file isn't for it, or it finds a fault, on which Pillow has the last word."""
    if not _is_plain_jpeg(image):
        return None
    flags = REDUCTIONS[factor] | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if picture is None:
        return None
    return _turn_upright(np.asarray(picture, np.uint8), _read_orientation(image))


def _decode_any(image: Image.Image) -> Picture:
    """Decode by Pillow."""
    image.load()  # before the orientation is read: Pillow turns a TIFF while loading it, and some PNGs have their EXIF last
    return _turn_upright(np.array(_to_rgb(image)), _read_orientation(image))


def _turn_upright(picture: Picture, orientation: int) -> Picture:
    turn, flip = ORIENTATIONS[orientation]
    if turn is not None:
        picture = np.asarray(cv2.rotate(picture, turn), np.uint8)
    return picture if flip is None else np.asarray(cv2.flip(picture, flip), np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        return Image.fromarray(_stretch(np.asarray(image, np.float64))).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _stretch(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Numbers of no set range, as scientific TIFFs have: the least becomes black, the greatest white."""
    finite = np.nan_to_num(values)
    low, high = finite.min(), finite.max()
    return np.asarray((finite - low) * (255 / max(high - low, 1e-9)), np.uint8)
