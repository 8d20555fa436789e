"""Decodes a photo with Pillow: upright, RGB, eight bits per sample, reduced if the whole picture would need too much memory.

Pillow decodes a picture once, into one to four bytes per pixel. All other steps work on strips of rows, so that no second copy of a
large picture is made.
"""

import math
from collections.abc import Callable, Iterator

from PIL import Image, ImageChops

from db.photos.errors import BrokenPicture, is_interruption
from db.photos.header import OpenedPhoto
from db.photos.orientation import TURNS
from db.photos.rescue import reopen_rescued
from db.photos.sample_range import find_range, scale_to_grey
from db.photos.sixteen_bits import find_sixteen_bit_form, merge_sixteen_bits, set_form

_STRIP_PIXELS = 2_000_000
"""Pixels converted at a time: whole rows, or parts of a long row."""

Convert = Callable[[Image.Image], Image.Image]


def decode_upright(photo: OpenedPhoto, factor: int) -> Image.Image:
    """Decode a photo's first frame.

    photo: just opened; it can be decoded once.
    factor: 1, 2, 4 or 8, by which each side is divided, rounding up.
    Returns mode RGB. Transparent parts become white. Colours stay in the file's own colour space.
    Raises BrokenPicture.
    """
    image = photo.image
    stored_width, stored_height = _find_stored_size(image)
    form = find_sixteen_bit_form(image)
    done = _draft(image, factor)
    image = _load(image, photo.data)
    if image.size != (math.ceil(stored_width / done), math.ceil(stored_height / done)):
        raise BrokenPicture("the pixels have another size than the header says")
    if form is not None:
        image = merge_sixteen_bits(
            image,
            form,
            photo.data,
            lambda other: _read_again(photo, other),
            lambda whole, convert, onto=None: _convert_in_strips(whole, factor, convert, onto),
        )
        picture = _convert_in_strips(image, 1, _to_rgb)
    else:
        picture = _convert_in_strips(image, factor // done, _choose_conversion(image, photo.data))
    image.close()  # free a large picture's pixels before the result is copied
    turn = TURNS.get(photo.orientation)
    return picture if turn is None else picture.transpose(turn)


def _find_stored_size(image: Image.Image) -> tuple[int, int]:
    """Return the stored width and height. A TIFF is kept from turning itself, which would need a second copy."""
    if image.format != "TIFF":
        return image.size
    image._size = image._tile_size  # type: ignore[attr-defined]  # noqa: SLF001
    # Pillow's version only turns the picture and reads tags; some tags make it fail after the last row.
    image.load_end = lambda: None  # type: ignore[attr-defined]
    return image.size


def _draft(image: Image.Image, factor: int) -> int:
    """Request a reduced picture if the format supports it. Returns by how much it is reduced."""
    if image.format != "JPEG" or factor == 1:
        return 1
    before = image.size
    image.draft(None, (max(1, before[0] // factor), max(1, before[1] // factor)))
    return next((scale for scale in (8, 4, 2) if image.size[0] == math.ceil(before[0] / scale) and scale <= factor), 1)


def _load(image: Image.Image, data: bytes, form: str | None = None) -> Image.Image:
    """Decode, with a fallback for damaged files, whose damage may be after the last row."""
    size, image_format = image.size, image.format
    try:
        image.load()
    except Exception as error:  # readers may raise anything on malicious input
        if is_interruption(error):
            raise
        fault = error.with_traceback(None)  # it refers to the decoder, and so to the pixels
    else:
        return image
    image.close()
    rescued = _rescue(image_format, data, size, form)
    if rescued is None:
        raise BrokenPicture("the file is damaged or ends too early: rows of pixels are missing") from fault
    return rescued


def _rescue(image_format: str | None, data: bytes, size: tuple[int, int], form: str | None) -> Image.Image | None:
    try:
        rescued = reopen_rescued(image_format, data, size)
        if rescued is not None:
            if form is not None:
                set_form(rescued, form)
            rescued.load()
    except Exception as error:
        if is_interruption(error):
            raise
        return None
    return rescued


def _read_again(photo: OpenedPhoto, form: str) -> Image.Image:
    """Decode the same file again with another sample form."""
    image = photo.reopen()
    _find_stored_size(image)
    set_form(image, form)
    return _load(image, photo.data, form)


def _choose_conversion(image: Image.Image, data: bytes) -> Convert:
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        samples = find_range(image, data)
        return lambda strip: scale_to_grey(strip, samples).convert("RGB")
    return _to_rgb


def _to_rgb(strip: Image.Image) -> Image.Image:
    if strip.has_transparency_data:
        layer = strip.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return strip.convert("RGB")


def _convert_in_strips(
    image: Image.Image, factor: int, convert: Convert, onto: Image.Image | None = None
) -> Image.Image:
    """Convert a picture strip by strip, and reduce it. onto: picture into which the result is pasted."""
    if onto is None and factor == 1 and image.width * image.height <= _STRIP_PIXELS:
        return convert(image)
    size = (math.ceil(image.width / factor), math.ceil(image.height / factor))
    made = onto
    for box in _list_strips(image, factor):
        strip = convert(image.crop(box))
        strip = strip if factor == 1 else strip.reduce(factor)
        left, top = box[0] // factor, box[1] // factor
        if onto is not None:
            strip = ImageChops.add(onto.crop((left, top, left + strip.width, top + strip.height)), strip)
        made = made or Image.new(strip.mode, size)
        made.paste(strip, (left, top))
    assert made is not None
    return made


def _list_strips(image: Image.Image, factor: int) -> Iterator[tuple[int, int, int, int]]:
    """List left, top, right and bottom of each strip; very long rows are split."""
    rows = max(1, _STRIP_PIXELS // (image.width * factor)) * factor
    columns = max(1, _STRIP_PIXELS // rows // factor) * factor
    for top in range(0, image.height, rows):
        for left in range(0, image.width, columns):
            yield left, top, min(left + columns, image.width), min(top + rows, image.height)
