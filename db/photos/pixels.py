"""A photo's pixels by Pillow: upright, RGB, eight bits a sample, reduced where the whole picture would be too much.

Pillow decodes a picture once, into one to four bytes a pixel. Everything else is done a strip of rows at a time, so that no
second copy of a large picture is ever made.
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
"""Pixels that are converted at a time: whole rows, or parts of a long row."""

Convert = Callable[[Image.Image], Image.Image]


def decode_upright(photo: OpenedPhoto, factor: int) -> Image.Image:
    """Decode a photo's first frame.

    photo: just opened; it can be decoded once. factor: 1, 2, 4 or 8, by which each side is divided, rounding up.
    Returns mode RGB. Transparent parts lie on white. Colours stay in the file's own colour space.
    Raises BrokenPicture.
    """
    image = photo.image
    stored_width, stored_height = _find_stored_size(image)
    form = find_sixteen_bit_form(image)
    done = _draft(image, factor)
    image = _load(image, photo.data)
    if image.size != (math.ceil(stored_width / done), math.ceil(stored_height / done)):
        raise BrokenPicture("the pixels are of another size than the header says")
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
    image.close()  # a large picture's pixels go before the kept ones are copied
    turn = TURNS.get(photo.orientation)
    return picture if turn is None else picture.transpose(turn)


def _find_stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as stored. A TIFF is kept from turning itself, which would take a second copy of it."""
    if image.format != "TIFF":
        return image.size
    image._size = image._tile_size  # type: ignore[attr-defined]  # noqa: SLF001
    # Pillow's own does nothing but turn the picture and read tags, some of which it fails on after the last row.
    image.load_end = lambda: None  # type: ignore[attr-defined]
    return image.size


def _draft(image: Image.Image, factor: int) -> int:
    """Ask for a reduced picture where the format has it for nothing. Returns by how much it is reduced."""
    if image.format != "JPEG" or factor == 1:
        return 1
    before = image.size
    image.draft(None, (max(1, before[0] // factor), max(1, before[1] // factor)))
    return next((scale for scale in (8, 4, 2) if image.size[0] == math.ceil(before[0] / scale) and scale <= factor), 1)


def _load(image: Image.Image, data: bytes, form: str | None = None) -> Image.Image:
    """Decode, by a second way where the first finds damage: what is damaged may be behind the last row."""
    size, image_format = image.size, image.format
    try:
        image.load()
    except Exception as error:  # a reader may raise anything at hostile bytes
        if is_interruption(error):
            raise
        fault = error.with_traceback(None)  # which holds the decoder, and with it the pixels
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
    """Decode the same file once more, with its samples read in another form."""
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
    """Convert a picture a strip at a time, and reduce it on the way. onto: what the result is added to, in its place."""
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
    """Left, top, right and bottom of each strip; of a picture whose rows are very long, of parts of rows."""
    rows = max(1, _STRIP_PIXELS // (image.width * factor)) * factor
    columns = max(1, _STRIP_PIXELS // rows // factor) * factor
    for top in range(0, image.height, rows):
        for left in range(0, image.width, columns):
            yield left, top, min(left + columns, image.width), min(top + rows, image.height)
