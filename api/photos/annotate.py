"""Draws what was found into the photo: a box and a label for each face."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from typing import cast

from PIL import ExifTags, Image, ImageDraw, ImageFont, ImageMath

from api.photos.header import open_header
from db.core.vocabulary import Emotion

_TEXT_SHARE = 1 / 45
"""Height of a label's letters as a share of the picture's longer side: readable when the picture fills a screen."""

_SMALLEST_TEXT_PX = 11
_QUALITY = 90

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the picture upright."""


class UnreadablePicture(Exception):
    """The photo can't be decoded."""

    code = "broken_picture"


@dataclass(frozen=True)
class Label:
    """A face to draw: its box in pixels of the upright photo, what it appears to express, and the confidence, 0 to 1."""

    x: int
    y: int
    width: int
    height: int
    emotion: Emotion
    confidence: float
    is_uncertain: bool


def draw_labels(data: bytes, upright_width: int, labels: Iterable[Label], max_side: int) -> bytes:
    """Draw boxes and labels into a photo.

    data: the photo as it was submitted. upright_width: width that the boxes refer to. max_side: longest side of the picture
    made, in pixels; it is never enlarged. Returns a JPEG.
    Raises UnreadablePicture. Takes much memory: see `api/photos/render_pool.py`.
    """
    picture = _load_upright(data, max_side)
    scale = picture.width / upright_width
    text_px = max(_SMALLEST_TEXT_PX, round(max(picture.size) * _TEXT_SHARE))
    font = ImageFont.load_default(text_px)
    pen = ImageDraw.Draw(picture)
    for label in labels:
        _draw_label(pen, label, scale, font, text_px, picture.size)
    made = io.BytesIO()
    picture.save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()


def _load_upright(data: bytes, max_side: int) -> Image.Image:
    try:
        with open_header(data) as image:
            image.draft("RGB", (max_side, max_side))  # a JPEG is decoded at a fraction of its size where that is enough
            image.load()  # before the orientation is read: Pillow turns a TIFF by itself, and some PNGs have their EXIF last
            upright = _to_eight_bits(image)
            turn = _read_turn(image)
            if turn is not None:
                upright = upright.transpose(turn)
            upright.thumbnail((max_side, max_side))
            return _to_rgb(upright)
    except Exception as error:
        raise UnreadablePicture("the photo can't be decoded") from error


def _read_turn(image: Image.Image) -> Image.Transpose | None:
    """How EXIF wants the picture turned. A block that can't be read turns nothing, and the boxes are drawn by the same rule."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  # what Pillow raises depends on where the block is damaged
        return None


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Larger numbers as a grey of eight bits, as the workers see them; Pillow can't make all of their kinds smaller."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return _stretch(image) if image.mode in {"I", "F"} else image


def _stretch(image: Image.Image) -> Image.Image:
    """Numbers of no set range, as scientific TIFFs have: the least becomes black, the greatest white."""
    low, high = _find_range(image)
    if isnan(low):  # what is no number counts as 0
        holes = ImageMath.lambda_eval(lambda given: (given["it"] != given["it"]) * 255, it=image)
        image.paste(0, mask=holes.convert("L"))
        low, high = _find_range(image)
    scale = 255 / max(high - low, 1e-9)
    return image.point(lambda value: value * scale - low * scale).convert("L")


def _find_range(image: Image.Image) -> tuple[float, float]:
    return cast("tuple[float, float]", image.getextrema())


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _draw_label(
    pen: ImageDraw.ImageDraw,
    label: Label,
    scale: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    text_px: int,
    size: tuple[int, int],
) -> None:
    colour = label.emotion.photo_colour
    line_px = max(2, text_px // 7)
    left, top = label.x * scale, label.y * scale
    right, bottom = (label.x + label.width) * scale, (label.y + label.height) * scale
    pen.rectangle((left, top, right, bottom), outline=colour, width=line_px)
    text = f"{label.emotion}{'?' if label.is_uncertain else ''} {label.confidence:.2f}"
    pad = text_px // 4
    tag_width, tag_height = pen.textlength(text, font=font) + 2 * pad, text_px + 2 * pad
    # above the box, or inside it at the picture's upper edge; and never past the right edge
    tag_left = max(0.0, min(left, size[0] - tag_width))
    tag_top = top - tag_height if top >= tag_height else top
    pen.rectangle((tag_left, tag_top, tag_left + tag_width, tag_top + tag_height), fill=colour)
    pen.text((tag_left + pad, tag_top + pad), text, fill="white", font=font)
