"""Converts samples of more than eight bits to eight: which value is white.

A 16-bit file often contains only 8, 10, 12 or 14 bits. A TIFF declares it by its bits per sample or its largest sample value, a PNG
by its significant bits. Otherwise it is the smallest of 8, 10, 12, 14 and 16 bits that contains the largest sample. Samples without
a fixed range (32 bits, floating point) are scaled from their minimum to their maximum.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

from PIL import Image, ImageMath

from db.photos.png_chunks import find_chunk

_CONTENT_BITS = (8, 10, 12, 14, 16)
_BITS_PER_SAMPLE, _MIN_SAMPLE, _MAX_SAMPLE, _SMIN_SAMPLE, _SMAX_SAMPLE = 258, 280, 281, 340, 341
_PHOTOMETRIC = 262
_STRIP_PIXELS = 2_000_000


@dataclass(frozen=True, slots=True)
class SampleRange:
    """Samples from `low` (black) to `high` (white); reversed if inverted."""

    low: float
    high: float
    is_inverted: bool = False

    @property
    def scale(self) -> float:
        """Factor of each sample."""
        scale = 255 / max(self.high - self.low, 1e-9)
        return -scale if self.is_inverted else scale

    @property
    def offset(self) -> float:
        """Offset added after scaling, including 0.5 for rounding."""
        return (255 - self.low * self.scale if self.is_inverted else -self.low * self.scale) + 0.5


def find_declared_white(image: Image.Image, data: bytes, largest: int) -> int:
    """Return the white value of a picture with at most 16 bits per sample.

    image: opened.
    data: its file.
    largest: the largest sample of the picture.
    """
    if image.format == "PNG":
        return _find_png_white(data, largest)
    if image.format == "TIFF":
        declared = _find_tiff_white(image, largest)
        if declared is not None:
            return declared
    return _find_white_by_content(largest)


def find_range(image: Image.Image, data: bytes) -> SampleRange:
    """Return the range of a decoded picture of mode I;16, I or F. NaN and infinite samples become 0."""
    is_inverted = image.format == "TIFF" and _read_tag(image, _PHOTOMETRIC) == 0
    low, high = _get_extrema(image)
    if image.mode.startswith("I;16"):
        return SampleRange(0, find_declared_white(image, data, int(high)), is_inverted)
    if not (isfinite(low) and isfinite(high)):
        _fill_holes(image)
        low, high = _get_extrema(image)
    least, most = _read_tag(image, _SMIN_SAMPLE), _read_tag(image, _SMAX_SAMPLE)
    if least is not None and most is not None and least < most:
        low, high = least, most
    return SampleRange(low, high, is_inverted)


def scale_to_grey(strip: Image.Image, samples: SampleRange) -> Image.Image:
    """Scale samples of mode I;16, I or F to mode L."""
    scale, offset = samples.scale, samples.offset
    return strip.convert("F").point(lambda value: value * scale + offset).convert("L")


def _find_png_white(data: bytes, largest: int) -> int:
    declared = find_chunk(data, b"sBIT")
    if not declared:
        return _find_white_by_content(largest)
    white = (1 << min(max(declared), 16)) - 1
    # Writers that follow the standard scaled such samples to 16 bits; others left them unchanged.
    return white if 0 < largest <= white else 65535


def _find_tiff_white(image: Image.Image, largest: int) -> int | None:
    bits = _read_tag(image, _BITS_PER_SAMPLE)
    if bits is not None and bits < 16:
        return (1 << int(bits)) - 1
    for tag in (_SMAX_SAMPLE, _MAX_SAMPLE):
        white = _read_tag(image, tag)
        if white is not None and max(largest, 1) <= white <= 65535:
            return int(white)
    return None


def _find_white_by_content(largest: int) -> int:
    return next((1 << bits) - 1 for bits in _CONTENT_BITS if largest < 1 << bits)


def _read_tag(image: Image.Image, tag: int) -> float | None:
    """Return a TIFF tag's largest number; None if there is none."""
    tags: Any = getattr(image, "tag_v2", {})
    found = tags.get(tag)
    values = found if isinstance(found, tuple) else (found,)
    numbers = [float(value) for value in values if isinstance(value, int | float) and isfinite(value)]
    return max(numbers, default=None)


def _get_extrema(image: Image.Image) -> tuple[float, float]:
    if image.mode not in {"I;16B", "I;16L", "I;16N"}:
        return cast("tuple[float, float]", image.getextrema())
    found = [cast("tuple[float, float]", image.crop(box).convert("I").getextrema()) for box in _list_strips(image)]
    return min(low for low, _ in found), max(high for _, high in found)


def _list_strips(image: Image.Image) -> list[tuple[int, int, int, int]]:
    rows = max(1, _STRIP_PIXELS // image.width)
    return [(0, top, image.width, min(top + rows, image.height)) for top in range(0, image.height, rows)]


def _fill_holes(image: Image.Image) -> None:
    """Set NaN and infinite samples to 0, strip by strip."""
    for box in _list_strips(image):
        strip = image.crop(box)
        # Only finite numbers give 0 when subtracted from themselves.
        holes = ImageMath.lambda_eval(lambda given: ((given["it"] - given["it"]) == given["it"] * 0) * 1, it=strip)
        image.paste(0, box, ImageMath.lambda_eval(lambda given: (given["it"] == 0) * 255, it=holes).convert("L"))
