"""Converts 16-bit colours to eight bits by their declared range, using Pillow, which keeps eight bits.

A file is read twice: once for the upper byte of each sample, once in the other byte order for the lower one.
"""

from collections.abc import Callable
from typing import Any, Protocol

from PIL import Image, ImageChops

from db.photos.sample_range import find_declared_white

_LOWER = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": "RGB;16B",
    "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGBA;16N": "RGBA;16B",
    "RGBX;16B": "RGBX;16L", "RGBX;16L": "RGBX;16B", "RGBX;16N": "RGBX;16B",
    "CMYK;16B": "CMYK;16L", "CMYK;16L": "CMYK;16B", "CMYK;16N": "CMYK;16B",
    "LA;16B": "RGBA",
}  # fmt: skip
"""Pillow's name of a sample form -> its name in the other byte order.

LA;16B has no counterpart. Read as RGBA, its four bytes are the upper and lower byte of grey, then those of alpha.
"""

_PLANAR, _PLANES = 284, 2

Convert = Callable[[Image.Image], Image.Image]
ReadAgain = Callable[[str], Image.Image]


class ConvertAll(Protocol):
    """Applies a conversion to a picture, and reduces it. onto: picture into which the result is pasted."""

    def __call__(self, whole: Image.Image, convert: Convert, onto: Image.Image | None = None) -> Image.Image:
        """Convert the picture."""
        ...


def find_sixteen_bit_form(image: Any) -> str | None:
    """Return Pillow's name for the form of an opened file's 16-bit colours; None if it has none, or they can't be read twice."""
    if not image.tile:
        return None
    arguments: Any = image.tile[0].args
    form = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    tags: Any = getattr(image, "tag_v2", {})
    return form if form in _LOWER and tags.get(_PLANAR) != _PLANES else None


def set_form(image: Any, form: str) -> None:
    """Set the form in which an opened file's samples are read."""
    image.tile = [
        tile._replace(args=(form, *tile.args[1:]) if isinstance(tile.args, tuple) else form) for tile in image.tile
    ]


def merge_sixteen_bits(
    upper: Image.Image, form: str, data: bytes, read_again: ReadAgain, convert_all: ConvertAll
) -> Image.Image:
    """Scale a picture's samples from black to the declared white.

    upper: decoded, with the upper bytes; it is closed.
    form: of its samples.
    data: its file.
    read_again: decodes the file in another form.
    convert_all: applies a conversion to a picture, and reduces it.
    Returns the picture in its own mode, or in LA.
    """
    bands = upper.getbands()
    highest = [high for _, high in upper.getextrema()]  # type: ignore[misc]
    brightest = max(high for band, high in zip(bands, highest, strict=True) if band != "A")
    white = find_declared_white(upper, data, 256 * brightest + 255 if brightest else 255)
    if white == 65535:
        made = convert_all(upper, lambda strip: strip)
        if made is not upper:  # small pictures aren't reduced
            upper.close()
        return made
    scale = 255 / white
    high, low = _make_table(256 * scale), _make_table(scale)
    if form == "LA;16B":
        upper.close()
        both = read_again(_LOWER[form])
        joined = convert_all(both, lambda strip: _join_grey_and_alpha(strip, high, low))
        both.close()
        return joined
    # Alpha may use all 16 bits even if the colours don't.
    is_full = [band == "A" and most == 255 for band, most in zip(bands, highest, strict=True)]
    high_tables = [value for full in is_full for value in (_make_table(1.0) if full else high)]
    low_tables = [value for full in is_full for value in (_make_table(0.0) if full else low)]
    brighter = convert_all(upper, lambda strip: strip.point(high_tables))
    upper.close()
    lower = read_again(_LOWER[form])
    made = convert_all(lower, lambda strip: strip.point(low_tables), onto=brighter)
    lower.close()
    return made


def _join_grey_and_alpha(strip: Image.Image, high: list[int], low: list[int]) -> Image.Image:
    grey_high, grey_low, alpha_high, alpha_low = strip.split()
    grey = ImageChops.add(grey_high.point(high), grey_low.point(low))
    if alpha_high.getextrema()[1] != 255:
        alpha_high = ImageChops.add(alpha_high.point(high), alpha_low.point(low))
    return Image.merge("LA", (grey, alpha_high))


def _make_table(scale: float) -> list[int]:
    return [min(255, round(value * scale)) for value in range(256)]
