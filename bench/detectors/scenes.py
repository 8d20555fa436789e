"""Test pictures for detectors, with known faces and without faces.

All come from packages that the project installs anyway, and, if a path is given, from a FER2013 CSV.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageFilter

from emoscope.stack.demo_photos import FaceBox, Placement, compose_page, load_portrait, locate_package_file
from worker.analysis.resize import Picture

NO_FACES = (
    "brick.png", "cell.png", "chessboard_RGB.png", "chelsea.png", "clock_motion.png", "coffee.png", "color.png", "grass.png",
    "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "logo.png", "microaneurysms.png", "moon.png",
    "motorcycle_left.png", "motorcycle_right.png", "page.png", "phantom.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip
"""scikit-image's pictures without a human face. Not among them: coins (they bear faces) and camera (a man in profile)."""

PORTRAITS = ("astronaut", "grace_hopper")
BACKGROUNDS = ("motorcycle_left.png", "coffee.png", "rocket.jpg", "gravel.png")


class Scene(NamedTuple):
    """group: kind of scene. picture: uint8 (H, W, 3) RGB. faces: the true boxes."""

    group: str
    picture: Picture
    faces: tuple[FaceBox, ...]


def build_scenes(csv_path: Path | None, seed: int = 0) -> Iterator[Scene]:
    """Return every scene; deterministic for a seed."""
    rng = np.random.default_rng(seed)
    yield from portrait_scenes()
    yield from close_up_scenes()
    yield from album_scenes()
    yield from crowd_scenes(rng)
    yield from lfw_scenes(rng)
    if csv_path is not None:
        yield from fer_scenes(csv_path, rng)
    yield from faceless_scenes()


def portrait_scenes() -> Iterator[Scene]:
    """Return both portraits: sizes, mirrored, rotated, dark, bright, blurred, noisy, grey, strongly compressed."""
    for name in PORTRAITS:
        portrait = load_portrait(name)
        image, face = portrait.image, portrait.face
        for factor in (0.5, 1.0, 2.0, 3.75):
            yield Scene("portrait: sizes", to_picture(scale_image(image, factor)), (scale_box(face, factor),))
        mirrored = (image.width - face[0] - face[2], *face[1:])
        yield Scene("portrait: mirrored", to_picture(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), (mirrored,))
        for degrees in (-45, -30, -20, -10, 10, 20, 30, 45):
            side = max(image.size)
            placed = Placement(name, (side // 2, side // 2), face[2], turn=degrees)
            photo = compose_page((placed,), (side, side))
            group = "portrait: turned up to 20" if abs(degrees) <= 20 else "portrait: turned 30 or 45"
            yield Scene(group, decode_page(photo.data), photo.faces)
        picture = to_picture(image)
        for gain in (0.1, 0.25, 0.5, 1.8):
            yield Scene("portrait: light", np.clip(picture * gain, 0, 255).astype(np.uint8), (face,))
        for radius in (2, 4, 8):
            yield Scene("portrait: blurred", to_picture(image.filter(ImageFilter.GaussianBlur(radius))), (face,))
        for sigma in (15, 40):
            noise = np.random.default_rng(sigma).normal(0, sigma, picture.shape)
            yield Scene("portrait: noisy", np.clip(picture + noise, 0, 255).astype(np.uint8), (face,))
        yield Scene("portrait: grey", to_picture(image.convert("L")), (face,))
        for quality in (5, 15):
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=quality)
            yield Scene("portrait: JPEG 5, 15", decode_page(buffer.getvalue()), (face,))


def close_up_scenes() -> Iterator[Scene]:
    """Return faces that fill the picture, with only a share of the face's side around them."""
    for name in PORTRAITS:
        portrait = load_portrait(name)
        left, top, side, _ = portrait.face
        for share in (0.1, 0.2, 0.35, 0.5):
            around = round(side * share)
            image = portrait.image.crop((left - around, top - around, left + side + around, top + side + around))
            for factor in (1.0, 4.0):
                box = scale_box((around, around, side, side), factor)
                yield Scene("close-up", to_picture(scale_image(image, factor)), (box,))


def album_scenes() -> Iterator[Scene]:
    """Return the demo's page of seven faces, in typical photo sizes."""
    photo = compose_page()
    for factor in (0.5, 0.8, 1.0, 1.5, 3.0):
        scaled = tuple(scale_box(face, factor) for face in photo.faces)
        yield Scene("album", to_picture(scale_image(Image.open(io.BytesIO(photo.data)), factor)), scaled)


def crowd_scenes(rng: np.random.Generator) -> Iterator[Scene]:
    """Twelve heads of one size, cut from the portraits, on a photographed background of 1920x1280."""
    for face_px in (32, 40, 56, 72, 96, 128, 180):
        for background in BACKGROUNDS:
            canvas = open_sample(background).resize((1920, 1280), Image.Resampling.LANCZOS)
            heads = [cut_head(PORTRAITS[index % 2], face_px) for index in range(12)]
            yield Scene(f"crowd: {face_px} px in 1920", *scatter(canvas, heads, rng))


def lfw_scenes(rng: np.random.Generator) -> Iterator[Scene]:
    """Faces of Labeled Faces in the Wild (grey, 25x25, enlarged to 75) scattered twelve to a picture of 1280x960."""
    faces = np.load(locate_package_file("skimage", "data/lfw_subset.npy"))[:100]
    tiles = [head_from_grey((face * 255).astype(np.uint8), 75, 0.75) for face in faces]
    for start in range(0, 96, 12):
        canvas = open_sample(BACKGROUNDS[start // 12 % 4]).resize((1280, 960), Image.Resampling.LANCZOS)
        yield Scene("LFW: 75 px in 1280", *scatter(canvas, tiles[start : start + 12], rng))


def fer_scenes(csv_path: Path, rng: np.random.Generator) -> Iterator[Scene]:
    """FER2013 Training faces, 96 or 160 px, scattered twelve or six to a picture of 1280x960."""
    rows = pd.read_csv(csv_path, nrows=2000)["pixels"].sample(240, random_state=1)
    pictures = [np.array(row.split(), np.uint8).reshape(48, 48) for row in rows]
    for index, start in enumerate(range(0, 240, 12)):
        side, share = ((96, 0.8), (160, 0.8))[index % 2]
        tiles = [head_from_grey(picture, side, share) for picture in pictures[start : start + 12]]
        canvas = open_sample(BACKGROUNDS[index % 4]).resize((1280, 960), Image.Resampling.LANCZOS)
        yield Scene(f"FER2013: {side} px in 1280", *scatter(canvas, tiles, rng))
    for picture in pictures[:100]:
        image = Image.fromarray(picture)
        yield Scene("FER2013: whole picture, 48 px", to_picture(image), ((0, 0, 48, 48),))
        yield Scene("FER2013: whole picture, 400 px", to_picture(scale_image(image, 400 / 48)), ((0, 0, 400, 400),))


def faceless_scenes() -> Iterator[Scene]:
    """Return pictures without faces, in original size and at 1280 pixels, and a page of LFW's hundred non-faces."""
    for name in NO_FACES:
        image = open_sample(name)
        yield Scene("no face", to_picture(image), ())
        yield Scene("no face", to_picture(scale_image(image, 1280 / max(image.size))), ())
    tiles = (np.load(locate_package_file("skimage", "data/lfw_subset.npy"))[100:] * 255).astype(np.uint8)
    rows = [tiles[start : start + 10] for start in range(0, 100, 10)]
    page = np.concatenate([np.concatenate([enlarge(tile, 75) for tile in row], axis=1) for row in rows])
    yield Scene("no face", to_picture(Image.fromarray(page)), ())


@dataclass(frozen=True, slots=True)
class Head:
    """A crop with one face. face: its box in the crop."""

    image: Image.Image
    face: FaceBox


def cut_head(name: str, face_px: int) -> Head:
    """Crop a portrait's head and shoulders, with the face `face_px` wide."""
    portrait = load_portrait(name)
    left, top, side, _ = portrait.face
    frame = (left - side * 0.7, top - side * 0.6, left + side * 1.7, top + side * 1.5)
    cut = portrait.image.crop(tuple(round(edge) for edge in frame))  # type: ignore[arg-type]
    factor = face_px / side
    return Head(scale_image(cut, factor), scale_box((round(side * 0.7), round(side * 0.6), side, side), factor))


def head_from_grey(picture: npt.NDArray[np.uint8], side: int, face_share: float) -> Head:
    """Enlarge a grey picture that is all face to `side`; its face is the middle `face_share` of it."""
    inner = round(side * face_share)
    edge = (side - inner) // 2
    return Head(Image.fromarray(enlarge(picture, side)).convert("RGB"), (edge, edge, inner, inner))


def scatter(canvas: Image.Image, heads: list[Head], rng: np.random.Generator) -> tuple[Picture, tuple[FaceBox, ...]]:
    """Paste heads into the cells of a grid, four per row, at a random position in each cell."""
    columns, rows = 4, -(-len(heads) // 4)
    width, height = canvas.width // columns, canvas.height // rows
    faces = []
    for index, head in enumerate(heads):
        x = index % columns * width + int(rng.integers(0, max(1, width - head.image.width)))
        y = index // columns * height + int(rng.integers(0, max(1, height - head.image.height)))
        canvas.paste(head.image, (x, y))
        faces.append((x + head.face[0], y + head.face[1], head.face[2], head.face[3]))
    return to_picture(canvas), tuple(faces)


def open_sample(name: str) -> Image.Image:
    with Image.open(locate_package_file("skimage", f"data/{name}")) as image:
        return image.convert("RGB")


def scale_image(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def scale_box(box: FaceBox, factor: float) -> FaceBox:
    left, top, width, height = (round(edge * factor) for edge in box)
    return (left, top, width, height)


def enlarge(picture: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def to_picture(image: Image.Image) -> Picture:
    return np.asarray(image.convert("RGB"))


def decode_page(data: bytes) -> Picture:
    return to_picture(Image.open(io.BytesIO(data)))
