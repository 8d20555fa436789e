"""Draws what was found into the photo: a box and a label for each face."""

import io
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

from api.picture_header import open_header
from db.vocabulary import Emotion

_COLOURS = {
    Emotion.ANGRY: "#d62728",
    Emotion.DISGUSTED: "#6b8e23",
    Emotion.FEARFUL: "#8e44ad",
    Emotion.HAPPY: "#e0a800",
    Emotion.NEUTRAL: "#5f6b76",
    Emotion.SAD: "#1f6fb2",
    Emotion.SURPRISED: "#e8710a",
}

_TEXT_SHARE = 1 / 45
"""Height of a label's letters as a share of the picture's longer side: readable when the picture fills a screen."""

_SMALLEST_TEXT_PX = 11
_QUALITY = 90

_at_once = threading.BoundedSemaphore(2)
"""A photo of the largest size taken is 300 MB when decoded; more than two at once could fill a small machine."""


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
    made, in pixels; it is never enlarged. Returns a JPEG. Raises UnreadablePicture.
    """
    with _at_once:
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
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((max_side, max_side))
            return _to_rgb(upright)
    except Exception as error:
        raise UnreadablePicture("the photo can't be decoded") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 257).convert("L").convert("RGB")
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
    colour = _COLOURS[label.emotion]
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
