"""Decodes photos of any supported format: upright, RGB.

Headers, errors, orientation and memory are handled by `db.photos`, which the API uses too. OpenCV decodes plain JPEGs here, three
times as fast as Pillow; Pillow decodes everything else.
"""

from typing import NamedTuple

import cv2
import numpy as np

from db.photos.decoding_lock import DecodingLock
from db.photos.header import OpenedPhoto, open_photo
from db.photos.memory import FACTORS, MAX_DECODING_BYTES, choose_factor
from worker.analysis.resize import Picture

MIN_REDUCED_SIDE_PX = 1280
"""Minimum longer side of a reduced picture: no detector works on a larger one."""

REDUCTIONS = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
"""Flags for decoding the stored samples; the flags with COLOR in their names imply BGR, which excludes RGB."""

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
"""EXIF orientation -> rotation, then axis to mirror about (0 x, 1 y), in OpenCV's terms."""


class ReducedPicture(NamedTuple):
    """A picture at a fraction of its size.

    picture: uint8 (h, w, 3), RGB, upright.
    factor: 1, 2, 4 or 8; each side of `picture` is the photo's divided by it, rounded up.
    width, height: of the photo, upright, at full size.
    """

    picture: Picture
    factor: int
    width: int
    height: int


class PhotoDecoder:
    """Decodes one photo: once to find faces, and again to crop small faces if necessary."""

    def __init__(
        self,
        data: bytes,
        *,
        max_pixels: int,
        max_bytes: int = MAX_DECODING_BYTES,
        lock: DecodingLock | None = None,
    ) -> None:
        """Read the header.

        data: the file.
        max_pixels: maximum width times height.
        max_bytes: maximum memory for decoding.
        lock: by which large pictures are decoded one at a time; None if nothing else is decoded.
        Raises NotAPicture, BrokenPicture, TooManyPixels or TooMuchMemory.
        """
        self._photo: OpenedPhoto | None = open_photo(data, max_pixels, max_bytes)
        self._data, self._limits, self._lock = data, (max_pixels, max_bytes), lock
        header = self._photo.header
        self._is_plain_jpeg = self._photo.image.format == "JPEG" and self._photo.image.mode in {"RGB", "L"}
        self.width, self.height = header.width, header.height

    @property
    def least_factor(self) -> int:
        """Minimum factor by which each side is divided, so that the result of a very large picture fits in memory."""
        return choose_factor(self.width, self.height)

    def decode_for_detection(self) -> ReducedPicture:
        """Decode for face detection: a large JPEG at a half, a quarter or an eighth, which costs almost nothing.

        A 4000x3000 photo takes 62 ms at full size, 21 ms at half.
        """
        factor = self.least_factor
        if self._is_plain_jpeg:
            longer = max(self.width, self.height)
            factor = max(factor, next((each for each in (8, 4, 2) if longer >= each * MIN_REDUCED_SIDE_PX), 1))
        return self.decode(factor)

    def decode(self, factor: int) -> ReducedPicture:
        """Decode at a fraction of the size, 1, 2, 4 or 8. Raises BrokenPicture; DecodingBusy if another picture is being
        decoded.
        """
        assert factor in FACTORS
        photo = self._photo or open_photo(self._data, *self._limits)
        self._photo = None  # an opened file can be decoded only once
        if self._lock is None:
            picture = self._decode_pixels(photo, factor)
        else:
            with self._lock.hold_for(photo.estimate_peak_bytes(factor)):
                picture = self._decode_pixels(photo, factor)
        return ReducedPicture(picture, factor, self.width, self.height)

    def _decode_pixels(self, photo: OpenedPhoto, factor: int) -> Picture:
        picture = _decode_by_opencv(photo, factor) if self._is_plain_jpeg else None
        if picture is None:
            from db.photos.pixels import decode_upright  # plain JPEGs don't need it

            picture = np.asarray(decode_upright(photo, factor))
        photo.image.close()
        return picture


def decode_photo(data: bytes, *, max_pixels: int) -> Picture:
    """Decode a JPEG, PNG, WebP, GIF (first frame), BMP, TIFF (first page), HEIC or AVIF file, recognized by content.

    max_pixels: maximum width times height, checked before decoding.
    Returns uint8 (H, W, 3), RGB, turned upright by EXIF. Transparent parts become white. A picture of more than 25 million
    pixels is reduced to a half, a quarter or an eighth of its sides. Colours stay in the file's own colour space, since faces
    are classified in grey.
    Raises NotAPicture, BrokenPicture, TooManyPixels or TooMuchMemory.
    """
    decoder = PhotoDecoder(data, max_pixels=max_pixels)
    return decoder.decode(decoder.least_factor).picture


def decode_reduced(data: bytes, *, max_pixels: int) -> ReducedPicture:
    """Decode a photo for face detection: like `decode_photo`, but a large JPEG at a half, a quarter or an eighth."""
    return PhotoDecoder(data, max_pixels=max_pixels).decode_for_detection()


def _decode_by_opencv(photo: OpenedPhoto, factor: int) -> Picture | None:
    """Decode a plain JPEG; None if OpenCV reports a fault, so that Pillow decides. CMYK isn't handled correctly."""
    flags = REDUCTIONS[factor] | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    picture = cv2.imdecode(np.frombuffer(photo.data, np.uint8), flags)
    stored = photo.image.size
    if picture is None or picture.shape[:2] != tuple(-(-side // factor) for side in reversed(stored)):
        return None
    return _turn_upright(np.asarray(picture, np.uint8), photo.orientation)


def _turn_upright(picture: Picture, orientation: int) -> Picture:
    turn, flip = ORIENTATIONS[orientation]
    if turn is not None:
        picture = np.asarray(cv2.rotate(picture, turn), np.uint8)
    return picture if flip is None else np.asarray(cv2.flip(picture, flip), np.uint8)
