"""Boxes and labels drawn into pictures of every kind."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from api.photos.annotate import DrawingLimits, Label, UnreadablePicture, draw_labels
from db.core.vocabulary import Emotion
from db.photos.decoding_lock import DecodingLock
from db.photos.memory import MAX_DECODING_BYTES
from tests.support.factories.photos import encode_picture, make_photo

LIMITS = DrawingLimits(MAX_DECODING_BYTES, DecodingLock(Path(tempfile.gettempdir()), 60))
LABEL = Label(10, 10, 20, 20, Emotion.HAPPY, 0.9, is_uncertain=False)


def draw(data: bytes, upright_width: int, labels: list[Label], max_side: int) -> bytes:
    return draw_labels(data, upright_width, labels, max_side, LIMITS)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_format_can_be_drawn_into(image_format: str) -> None:
    drawn = Image.open(io.BytesIO(draw(make_photo(image_format), 64, [LABEL], 2048)))
    assert (drawn.format, drawn.size, drawn.mode) == ("JPEG", (64, 48), "RGB")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I;16B", "I", "F"])
def test_every_kind_of_pixel_can_be_drawn_into(mode: str) -> None:
    image_format = dict.fromkeys(("CMYK", "I;16B", "I", "F"), "TIFF").get(mode, "PNG")
    data = encode_picture(Image.new(mode, (64, 48)), image_format)
    assert Image.open(io.BytesIO(draw(data, 64, [LABEL], 2048))).size == (64, 48)


def test_what_is_transparent_becomes_white() -> None:
    data = encode_picture(Image.new("RGBA", (64, 48), (0, 0, 0, 0)), "PNG")
    assert Image.open(io.BytesIO(draw(data, 64, [], 2048))).getpixel((30, 30)) == (255, 255, 255)


def read_greys(data: bytes, *columns: int) -> list[int]:
    """How bright the picture is in the middle row at these columns, once it is drawn."""
    drawn = np.asarray(Image.open(io.BytesIO(draw(data, 64, [], 2048))).convert("RGB"))
    return [int(drawn[24, column, 0]) for column in columns]


@pytest.mark.parametrize(("mode", "image_format"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF")])
def test_sixteen_bits_keep_their_brightness(mode: str, image_format: str) -> None:
    [grey] = read_greys(encode_picture(Image.new("I", (64, 48), 32768).convert(mode), image_format), 30)
    assert 120 < grey < 136


@pytest.mark.parametrize(("mode", "low", "high"), [("I", -70_000, 2_000_000_000), ("F", 0.001, 0.003)])
def test_numbers_of_no_set_range_reach_from_black_to_white(mode: str, low: float, high: float) -> None:
    image = Image.new(mode, (64, 48), low)
    image.paste(high, (32, 0, 64, 48))
    image.paste((low + high) / 2 if mode == "F" else (low + high) // 2, (16, 0, 32, 48))
    black, grey, white = read_greys(encode_picture(image, "TIFF"), 4, 24, 60)
    assert (black, white) == (0, 255)
    assert 120 < grey < 136


def test_what_is_no_number_does_not_hide_the_rest() -> None:
    image = Image.new("F", (64, 48), float("nan"))
    image.paste(50.0, (16, 0, 32, 48))
    image.paste(100.0, (32, 0, 64, 48))
    hole, grey, white = read_greys(encode_picture(image, "TIFF"), 4, 24, 60)
    assert (hole, white) == (0, 255)
    assert 120 < grey < 136


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_boxes_lie_on_the_upright_picture(orientation: int, image_format: str) -> None:
    """White in one corner, wherever the file has it."""
    image = Image.new("L", (64, 48))
    image.paste(255, (0, 0, 16, 16))
    turns = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE", "ROTATE_270")
    stored = image.transpose(Image.Transpose[turns[orientation - 2]]) if orientation > 1 else image
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    drawn = Image.open(io.BytesIO(draw(encode_picture(stored, image_format, exif=exif), 64, [], 2048)))
    assert drawn.size == (64, 48)
    assert np.asarray(drawn.convert("RGB"))[4, 4, 0] > 250


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage!", b"Exif\0\0II*\0"])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_exif_that_cannot_be_read_turns_nothing(image_format: str, exif: bytes) -> None:
    data = encode_picture(Image.new("RGB", (64, 48)), image_format, exif=exif)
    assert Image.open(io.BytesIO(draw(data, 64, [LABEL], 2048))).size == (64, 48)


@pytest.mark.parametrize(
    "box", [(0, 0, 64, 48), (-5, -5, 10, 10), (60, 40, 30, 30), (0, 0, 1, 1)], ids=["all", "over", "past", "tiny"]
)
def test_a_box_anywhere_can_be_drawn(box: tuple[int, int, int, int]) -> None:
    label = Label(*box, Emotion.SAD, 0.3, is_uncertain=True)
    assert Image.open(io.BytesIO(draw(make_photo(), 64, [label], 2048))).size == (64, 48)


def test_letters_grow_with_the_picture() -> None:
    """Counted as pixels of the label's colour beside the box."""

    def count_label(side: int) -> float:
        data = encode_picture(Image.new("RGB", (side, side), "white"), "PNG")
        label = Label(side // 4, side // 2, side // 4, side // 4, Emotion.ANGRY, 0.9, is_uncertain=False)
        above = Image.open(io.BytesIO(draw(data, side, [label], side))).crop((0, 0, side, side // 2 - 3))
        red, green, _ = np.moveaxis(np.asarray(above.convert("RGB")).astype(int), 2, 0)
        return float((red > green + 60).sum() / side**2)

    assert count_label(1600) == pytest.approx(count_label(800), rel=0.15)


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff\xe0"])
def test_what_cannot_be_decoded_raises_its_own_error(data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        draw(data, 64, [LABEL], 2048)


def test_a_picture_that_breaks_off_raises_its_own_error() -> None:
    with pytest.raises(UnreadablePicture):
        draw(make_photo("PNG", (300, 300))[:-200], 300, [LABEL], 2048)
