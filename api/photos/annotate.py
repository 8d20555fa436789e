"""Draws a box and a label for each face into the photo."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from db.core.vocabulary import Emotion
from db.photos.decoding_lock import DecodingLock
from db.photos.errors import PhotoError
from db.photos.header import open_photo
from db.photos.memory import FACTORS, choose_factor
from db.photos.pixels import decode_upright

_TEXT_SHARE = 1 / 45
"""Height of the label's text as a share of the picture's longer side; readable if the picture fills a screen."""

_ANY_PIXELS = 2**62
"""No pixel limit: the photo was accepted, perhaps under another limit. Memory is limited instead."""

_SMALLEST_TEXT_PX = 11
_QUALITY = 90


class UnreadablePicture(Exception):
    """The photo can't be decoded. `code` says why, with the codes of a submission."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class DrawingLimits:
    """Limits of drawing: memory for decoding a photo, and the lock by which large photos are decoded one at a time."""

    max_decoding_bytes: int
    lock: DecodingLock


@dataclass(frozen=True)
class Label:
    """A face to draw: its box in pixels of the upright photo, its emotion, and the confidence, 0 to 1."""

    x: int
    y: int
    width: int
    height: int
    emotion: Emotion
    confidence: float
    is_uncertain: bool


def draw_labels(
    data: bytes, upright_width: int, labels: Iterable[Label], max_side: int, limits: DrawingLimits
) -> bytes:
    """Draw boxes and labels into a photo.

    data: the photo as submitted.
    upright_width: width of the upright photo, to which the boxes refer.
    max_side: longest side of the result in pixels; photos are never enlarged.
    Returns a JPEG.
    Raises UnreadablePicture, and DecodingBusy if a large photo had to wait too long for another one. Needs much memory: see
    `api/photos/render_pool.py`.
    """
    picture = _load_upright(data, max_side, limits)
    scale = picture.width / upright_width
    text_px = max(_SMALLEST_TEXT_PX, round(max(picture.size) * _TEXT_SHARE))
    font = ImageFont.load_default(text_px)
    pen = ImageDraw.Draw(picture)
    for label in labels:
        _draw_label(pen, label, scale, font, text_px, picture.size)
    made = io.BytesIO()
    picture.save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()


def _load_upright(data: bytes, max_side: int, limits: DrawingLimits) -> Image.Image:
    try:
        photo = open_photo(data, _ANY_PIXELS, limits.max_decoding_bytes)
        longer = max(photo.header.width, photo.header.height)
        enough = next((factor for factor in reversed(FACTORS) if longer >= factor * max_side), 1)
        factor = max(enough, choose_factor(*photo.image.size))
        with limits.lock.hold_for(photo.estimate_peak_bytes(factor)):
            picture = decode_upright(photo, factor)
    except PhotoError as error:
        raise UnreadablePicture(error.code, str(error)) from error
    picture.thumbnail((max_side, max_side))
    return picture


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
    # above the box, or inside it at the upper edge; never past the right edge
    tag_left = max(0.0, min(left, size[0] - tag_width))
    tag_top = top - tag_height if top >= tag_height else top
    pen.rectangle((tag_left, tag_top, tag_left + tag_width, tag_top + tag_height), fill=colour)
    pen.text((tag_left + pad, tag_top + pad), text, fill="white", font=font)
