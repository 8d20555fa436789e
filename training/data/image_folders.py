"""Converts a dataset to folders `SPLIT/EMOTION` with one PNG per row, and back to a CSV."""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from db.core.vocabulary import CROP_SIDE, EMOTIONS
from training.data.csv_layout import COLUMNS
from training.data.dataset import FER_ORDER, Dataset
from training.data.fer_csv import PARTS
from training.data.picture_folders import PictureTree, find_pictures
from training.data.split import split_rows
from training.errors import DatasetError

_DAMAGE_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    RuntimeError,
    LookupError,
    ArithmeticError,
    struct.error,
)
"""Exceptions of Pillow's plugins and their libraries for damaged files."""

_WHITE_16_BITS = 65535


def assign_parts(dataset: Dataset, *, training_share: float, seed: int) -> npt.NDArray[np.uint8]:
    """Return a new stratified division of all rows, with copies on one side: uint8 (N,), index into PARTS of Training or
    PublicTest.

    Raises DatasetError for a share that isn't between 0 and 1, or a negative seed.
    """
    if seed < 0:
        raise DatasetError(f"a seed must be a whole number of at least 0, not {seed}")
    if not 0 < training_share < 1:
        raise DatasetError(f"the share of Training rows must be between 0 and 1, not {training_share}")
    _, held_out = split_rows(dataset.labels, dataset.copy_groups, held_out=1 - training_share, seed=seed)
    parts = np.full(len(dataset.images), PARTS.index("Training"), np.uint8)
    parts[held_out] = PARTS.index("PublicTest")
    return parts


def export_folders(dataset: Dataset, parts: npt.NDArray[np.uint8], folder: Path) -> int:
    """Write each picture as `folder/PART/EMOTION/NUMBER.png`, NUMBER being its row. Returns how many.

    parts: uint8 (N,), index into PARTS. Raises DatasetError if the folder isn't empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DatasetError(f"{folder} is not empty")
    for part in np.unique(parts):
        for emotion in EMOTIONS:
            (folder / PARTS[part] / emotion).mkdir(parents=True, exist_ok=True)
    for row, (image, label, part) in enumerate(zip(dataset.images, dataset.labels, parts, strict=True)):
        Image.fromarray(image).save(folder / PARTS[part] / EMOTIONS[label] / f"{row:06d}.png")
    return len(dataset.images)


def import_folders(folder: Path, csv_path: Path) -> PictureTree:
    """Write a CSV in FER2013's format from a tree of pictures, in the order of their file names. Returns what was found.

    Pictures of any format that PIL reads are turned upright and converted to grey, and to 48x48 by averaging if necessary. An
    existing CSV is replaced only once the new one is complete. Raises DatasetError as find_pictures does, and for an unreadable
    picture.
    """
    tree = find_pictures(folder)
    partial = csv_path.with_name(f"{csv_path.name}.partial")
    try:
        with partial.open("w", encoding="ascii") as file:
            file.write(",".join(COLUMNS) + "\n")
            for picture in tree.pictures:
                pixels = " ".join(map(str, _read_picture(picture.path).ravel().tolist()))
                file.write(f"{FER_ORDER.index(picture.emotion)},{pixels},{picture.part}\n")
        partial.replace(csv_path)
    finally:
        partial.unlink(missing_ok=True)
    return tree


def _read_picture(path: Path) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            picture.load()  # loaded before the orientation is read: some files have it last, and Pillow turns a TIFF itself
            grey = _to_grey(_turn_upright(picture))
    except (UnidentifiedImageError, Image.DecompressionBombError, *_DAMAGE_ERRORS) as error:
        raise DatasetError(f"{path} can't be read as a picture") from error
    if grey.size != (CROP_SIDE, CROP_SIDE):
        grey = grey.resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BOX)
    return np.asarray(grey)


def _turn_upright(picture: Image.Image) -> Image.Image:
    """Turn a picture upright by its EXIF, if readable: phones store pictures in the sensor's orientation."""
    try:
        return ImageOps.exif_transpose(picture)
    except _DAMAGE_ERRORS:
        return picture


def _to_grey(picture: Image.Image) -> Image.Image:
    """Convert to grey. Pillow clips 16 bits at 255, which would make nearly everything white."""
    if picture.mode != "I" and not picture.mode.startswith("I;16"):
        return picture.convert("L")
    values = np.asarray(picture, np.float64) / _WHITE_16_BITS * 255
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
