"""Real photos for demo, tests and benchmarks: two portraits, and a page of several faces composed of them.

Both portraits are in the public domain (NASA, US Navy) and come with packages of the `demo` extra: the astronaut Eileen Collins
with scikit-image, Rear Admiral Grace Hopper with Matplotlib. Only Pillow is needed to read them.
"""

import importlib.util
import io
import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

FaceBox = tuple[int, int, int, int]
"""Left, top, width and height of a face, hairline to chin, in pixels."""

JPEG_QUALITY = 92
PAGE_SIZE = (1280, 960)
PAPER = (236, 232, 222)


class DemoPhotoMissing(Exception):
    """The package that contains a demo photo isn't installed: install emoscope[demo]."""

    code = "demo_photo_missing"


@dataclass(frozen=True, slots=True)
class DemoPhoto:
    """A photo with its known faces.

    data: the file's bytes.
    media_type: of those bytes.
    faces: boxes, marked by hand in the portraits and transformed with them.
    """

    name: str
    data: bytes
    media_type: str
    faces: tuple[FaceBox, ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture of one person, with the box of the face."""

    image: Image.Image
    face: FaceBox


@dataclass(frozen=True, slots=True)
class Placement:
    """A portrait on the page.

    portrait: name of the portrait.
    center: of the face, in pixels of the page.
    face_px: side of the face on the page.
    turn: degrees by which the picture is rotated counter-clockwise.
    """

    portrait: str
    center: tuple[int, int]
    face_px: int
    turn: float = 0.0
    is_mirrored: bool = False
    is_grey: bool = False


PAGE = (
    Placement("astronaut", (300, 270), 200),
    Placement("grace_hopper", (760, 260), 190, is_mirrored=True),
    Placement("grace_hopper", (1110, 220), 90, turn=12),
    Placement("astronaut", (1100, 520), 120, turn=-18, is_mirrored=True),
    Placement("astronaut", (200, 730), 80, is_grey=True),
    Placement("grace_hopper", (520, 720), 130, is_grey=True),
    Placement("astronaut", (830, 710), 60, is_mirrored=True),
)
"""Seven faces of 60 to 200 pixels: straight, turned, mirrored and grey."""


def load_portrait(name: str) -> Portrait:
    """Read "astronaut" (512x512) or "grace_hopper" (512x600), RGB.

    Raises DemoPhotoMissing if the package that contains it isn't installed.
    """
    package, path, face = {
        "astronaut": ("skimage", "data/astronaut.png", (174, 70, 105, 105)),
        "grace_hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (158, 118, 210, 210)),
    }[name]
    with Image.open(locate_package_file(package, path)) as image:
        return Portrait(image.convert("RGB"), face)


def locate_package_file(package: str, path: str) -> Path:
    """Find a file in an installed package without importing it. Raises DemoPhotoMissing."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder, path)
        if file.is_file():
            return file
    raise DemoPhotoMissing(f"The demo photo {path} comes with the package {package}: install emoscope[demo].")


def load_demo_photos() -> list[DemoPhoto]:
    """Return the photos of the demo: the astronaut's portrait, and the page of several faces."""
    return [portrait_photo("astronaut"), compose_page()]


def portrait_photo(name: str) -> DemoPhoto:
    """Return a portrait as a JPEG file."""
    portrait = load_portrait(name)
    return DemoPhoto(f"{name}.jpg", encode_jpeg(portrait.image), "image/jpeg", (portrait.face,))


def compose_page(placements: tuple[Placement, ...] = PAGE, size: tuple[int, int] = PAGE_SIZE) -> DemoPhoto:
    """Compose portraits on paper, as in an album.

    placements: later ones cover earlier ones.
    size: of the page, width and height in pixels.
    Returns a JPEG file, with the faces in the order of `placements`.
    """
    page = Image.new("RGB", size, PAPER)
    faces = tuple(place_portrait(page, placement) for placement in placements)
    return DemoPhoto("page.jpg", encode_jpeg(page), "image/jpeg", faces)


def place_portrait(page: Image.Image, placement: Placement) -> FaceBox:
    """Paste a portrait into the page, and return the box of its face."""
    portrait = load_portrait(placement.portrait)
    image, (left, top, side, _) = portrait.image, portrait.face
    if placement.is_mirrored:
        image, left = ImageOps.mirror(image), image.width - left - side
    if placement.is_grey:
        image = image.convert("L").convert("RGB")
    scale = placement.face_px / side
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    offset = ((left + side / 2) * scale - image.width / 2, (top + side / 2) * scale - image.height / 2)
    mask = Image.new("L", image.size, 255).rotate(placement.turn, Image.Resampling.BICUBIC, expand=True)
    image = image.rotate(placement.turn, Image.Resampling.BICUBIC, expand=True)
    face_x, face_y = turn_point(offset, placement.turn)
    center_x, center_y = placement.center
    page.paste(image, (round(center_x - image.width / 2 - face_x), round(center_y - image.height / 2 - face_y)), mask)
    half_side = placement.face_px // 2
    return (center_x - half_side, center_y - half_side, placement.face_px, placement.face_px)


def turn_point(point: tuple[float, float], degrees: float) -> tuple[float, float]:
    """Rotate a point about the origin, counter-clockwise as seen on screen (y points down)."""
    x, y = point
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return (x * cosine + y * sine, y * cosine - x * sine)


def encode_jpeg(image: Image.Image) -> bytes:
    """Encode an RGB picture as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
