"""Stress tests: rows of the configured CSV as in a worse photo, or with a covered face.

Coverings are drawn by other code than the training augmentation, so that versions aren't tested on the coverings they were
trained on. The same rows always give the same pictures.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Crops = npt.NDArray[np.uint8]
Change = Callable[[Image.Image, np.random.Generator], Image.Image]

DARK_LIGHT = 0.25
"""Share of the light that a dark face keeps."""


def stress_crops(crops: Crops, name: str) -> Crops:
    """Apply the stress of that name, a key of STRESSES, to each face. crops: uint8 (N, 48, 48). Returns the same shape."""
    change = STRESSES[name]
    changed = [
        np.asarray(change(Image.fromarray(crop), np.random.default_rng([sum(name.encode()), row])), np.uint8)
        for row, crop in enumerate(crops)
    ]
    return np.stack(changed) if changed else crops


def _darken(face: Image.Image, _random: np.random.Generator) -> Image.Image:
    return face.point(lambda value: round(value * DARK_LIGHT))


def _add_noise(face: Image.Image, random: np.random.Generator) -> Image.Image:
    noisy = np.asarray(face, np.float32) + random.normal(0, 15, (face.height, face.width))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _blur(face: Image.Image, _random: np.random.Generator) -> Image.Image:
    return face.filter(ImageFilter.GaussianBlur(1.5))


def _shrink(face: Image.Image, _random: np.random.Generator) -> Image.Image:
    return face.resize((20, 20), Image.Resampling.BOX).resize(face.size, Image.Resampling.BILINEAR)


def _turn(face: Image.Image, random: np.random.Generator) -> Image.Image:
    fill = round(float(np.asarray(face).mean()))
    return face.rotate(float(random.choice((-20, 20))), Image.Resampling.BILINEAR, fillcolor=fill)


def _draw_mask(face: Image.Image, random: np.random.Generator) -> Image.Image:
    drawn, top, grey = face.copy(), int(random.integers(25, 30)), int(random.integers(90, 240))
    outline = [(6, top + 3), (24, top - 2), (42, top + 3), (40, 44), (24, 48), (8, 44)]
    ImageDraw.Draw(drawn).polygon(outline, fill=grey)
    return drawn


def _draw_sunglasses(face: Image.Image, random: np.random.Generator) -> Image.Image:
    drawn, y, grey = face.copy(), int(random.integers(17, 21)), int(random.integers(5, 50))
    draw = ImageDraw.Draw(drawn)
    for x in (14, 34):
        draw.ellipse((x - 8, y - 6, x + 8, y + 6), fill=grey)
    draw.line((20, y - 1, 28, y - 1), fill=grey, width=2)
    return drawn


def _draw_hand(face: Image.Image, random: np.random.Generator) -> Image.Image:
    """Draw four fingers across a cheek and the mouth."""
    drawn, bright = face.copy(), int(np.clip(np.percentile(np.asarray(face), 75) + random.normal(0, 10), 30, 255))
    draw, is_left = ImageDraw.Draw(drawn), bool(random.integers(0, 2))
    y = int(random.integers(24, 32))
    near, far = (0, int(random.integers(22, 30))) if is_left else (48, int(random.integers(18, 26)))
    for finger in range(4):
        level = y + 5 * finger
        draw.line((near, level + 3, far, level), fill=bright - 8 * (finger % 2), width=5)
    return drawn


STRESSES: dict[str, Change] = {
    "dark": _darken,
    "noisy": _add_noise,
    "blurred": _blur,
    "small": _shrink,
    "turned": _turn,
    "mask": _draw_mask,
    "sunglasses": _draw_sunglasses,
    "hand": _draw_hand,
}
"""A quarter of the light; noise of 15 of 255; a Gaussian of 1.5 pixels; 20 pixels per side; 20 degrees; and drawn coverings."""
