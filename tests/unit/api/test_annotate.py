"""Boxes and labels drawn into pictures of every kind."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from api.annotate import Label, UnreadablePicture, draw_labels
from db.vocabulary import Emotion

LABEL = Label(10, 10, 20, 20, Emotion.HAPPY, 0.9, is_uncertain=False)


def save(image: Image.Image, image_format: str) -> bytes:
    made = io.BytesIO()
    image.save(made, image_format)
    return made.getvalue()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_format_can_be_drawn_into(image_format: str, make_photo: Callable[..., bytes]) -> None:
    drawn = Image.open(io.BytesIO(draw_labels(make_photo(image_format), 64, [LABEL], 2048)))
    assert (drawn.format, drawn.size, drawn.mode) == ("JPEG", (64, 48), "RGB")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_every_kind_of_pixel_can_be_drawn_into(mode: str) -> None:
    image_format = {"CMYK": "TIFF", "F": "TIFF"}.get(mode, "PNG")
    data = save(Image.new(mode, (64, 48)), image_format)
    assert Image.open(io.BytesIO(draw_labels(data, 64, [LABEL], 2048))).size == (64, 48)


def test_what_is_transparent_becomes_white() -> None:
    data = save(Image.new("RGBA", (64, 48), (0, 0, 0, 0)), "PNG")
    assert Image.open(io.BytesIO(draw_labels(data, 64, [], 2048))).getpixel((30, 30)) == (255, 255, 255)


def test_sixteen_bits_keep_their_brightness() -> None:
    data = save(Image.new("I;16", (64, 48), 32768), "PNG")
    red, *_ = Image.open(io.BytesIO(draw_labels(data, 64, [], 2048))).getpixel((30, 30))
    assert 120 < red < 136


@pytest.mark.parametrize(
    "box", [(0, 0, 64, 48), (-5, -5, 10, 10), (60, 40, 30, 30), (0, 0, 1, 1)], ids=["all", "over", "past", "tiny"]
)
def test_a_box_anywhere_can_be_drawn(box: tuple[int, int, int, int], make_photo: Callable[..., bytes]) -> None:
    label = Label(*box, Emotion.SAD, 0.3, is_uncertain=True)
    assert Image.open(io.BytesIO(draw_labels(make_photo(), 64, [label], 2048))).size == (64, 48)


def test_letters_grow_with_the_picture() -> None:
    """Counted as pixels of the label's colour beside the box."""

    def count_label(side: int) -> float:
        data = save(Image.new("RGB", (side, side), "white"), "PNG")
        label = Label(side // 4, side // 2, side // 4, side // 4, Emotion.ANGRY, 0.9, is_uncertain=False)
        above = Image.open(io.BytesIO(draw_labels(data, side, [label], side))).crop((0, 0, side, side // 2 - 3))
        return sum(red > green + 60 for red, green, _ in above.get_flattened_data()) / side**2

    assert count_label(1600) == pytest.approx(count_label(800), rel=0.15)


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff\xe0"])
def test_what_cannot_be_decoded_raises_its_own_error(data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        draw_labels(data, 64, [LABEL], 2048)


def test_a_picture_that_breaks_off_raises_its_own_error(make_photo: Callable[..., bytes]) -> None:
    with pytest.raises(UnreadablePicture):
        draw_labels(make_photo("PNG", (300, 300))[:-200], 300, [LABEL], 2048)
