"""Different photos: portraits at random positions, in several formats and sizes; deterministic for a seed."""

import io
import random
from functools import cache

from PIL import Image, ImageEnhance

from emoscope.stack.demo_photos import Placement, compose_page

_FORMATS = ("JPEG", "JPEG", "PNG", "WEBP")
_SIZES = ((640, 480), (960, 1280), (1280, 960), (1920, 1280))
_PAGES = 24
"""Layouts, from which photos are made by crop, brightness and format."""


@cache
def _make_page(seed: int, number: int) -> Image.Image:
    chance = random.Random(f"{seed} {number}")
    placements = tuple(
        Placement(
            chance.choice(("astronaut", "grace_hopper")),
            (chance.randrange(100, 1820), chance.randrange(100, 1180)),
            chance.randrange(50, 260),
            turn=chance.uniform(-25, 25),
            is_mirrored=chance.random() < 0.5,
            is_grey=chance.random() < 0.2,
        )
        for _ in range(chance.randrange(1, 8))
    )
    return Image.open(io.BytesIO(compose_page(placements, (1920, 1280)).data)).convert("RGB")


def make_photo(seed: int, number: int) -> bytes:
    """The photo of that number, as a file. No two numbers give the same bytes."""
    chance = random.Random(f"{seed}/{number}")
    page = _make_page(seed, number % _PAGES)
    width, height = chance.choice(_SIZES)
    left, top = (
        chance.randrange(0, max(1, page.width - width + 1)),
        chance.randrange(0, max(1, page.height - height + 1)),
    )
    photo = page.crop((left, top, left + width, top + height))
    photo = ImageEnhance.Brightness(photo).enhance(chance.uniform(0.6, 1.2))
    photo.putpixel((number % 256, number // 256 % 256), (number % 256, number // 256 % 256, number // 65536))
    made = io.BytesIO()
    options = {"quality": chance.randrange(60, 95)} if (kind := chance.choice(_FORMATS)) == "JPEG" else {}
    if kind == "PNG":
        photo, options = photo.resize((width // 2, height // 2)), {"compress_level": 1}
    elif kind == "WEBP":
        options = {"quality": 80, "method": 0}
    photo.save(made, kind, **options)
    return made.getvalue()
