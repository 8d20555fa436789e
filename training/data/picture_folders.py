"""Finds the pictures of a folder tree with their splits and emotions.

FER2013 is distributed in folders with many names: the published splits or `train` and `test`, emotions as adjectives or nouns, in
any case, with hidden files of file managers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from db.core.vocabulary import EMOTIONS, Emotion
from training.data.fer_csv import PARTS
from training.errors import DatasetError

_PART_NAMES = {
    **{part.lower(): part for part in PARTS},
    "train": "Training",
    "validation": "PublicTest",
    "valid": "PublicTest",
    "val": "PublicTest",
    "test": "PublicTest",
}
_VALIDATION_NAMES = ("validation", "valid", "val")
_EMOTION_NAMES = {
    **{emotion.value: emotion for emotion in EMOTIONS},
    **{emotion.ferplus_column: emotion for emotion in EMOTIONS},
}
Name = TypeVar("Name")
_LITTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx")


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture with its label. part: a name of fer_csv.PARTS."""

    path: Path
    part: str
    emotion: Emotion


@dataclass(frozen=True, slots=True)
class PictureTree:
    """The pictures of a tree in the order of their file names, and the number of other files that were skipped."""

    pictures: tuple[FoundPicture, ...]
    ignored: int


def find_pictures(folder: Path) -> PictureTree:
    """List the pictures of a tree `PART/EMOTION/FILE`.

    `test` is PublicTest, or PrivateTest if there is also a validation folder. Hidden files and those of file managers are
    skipped; other files without a picture's suffix are counted. Raises DatasetError for a folder that is neither a split nor an
    emotion, or a tree without pictures.
    """
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}")
    found, ignored = [], 0
    for part_dir, part in _name_folders(folder, _choose_part_names(folder)):
        for emotion_dir, emotion in _name_folders(part_dir, _EMOTION_NAMES):
            for path in _list_entries(emotion_dir):
                if path.is_file() and path.suffix.lower() in Image.registered_extensions():
                    found.append(FoundPicture(path, part, emotion))
                else:
                    ignored += 1
    if not found:
        raise DatasetError(f"there are no pictures in {folder}")
    return PictureTree(tuple(sorted(found, key=lambda picture: (picture.path.name, picture.path))), ignored)


def _choose_part_names(folder: Path) -> Mapping[str, str]:
    names = {path.name.lower() for path in folder.iterdir()}
    return _PART_NAMES | {"test": "PrivateTest"} if names & set(_VALIDATION_NAMES) else _PART_NAMES


def _name_folders(folder: Path, names: Mapping[str, Name]) -> Iterator[tuple[Path, Name]]:
    """Map folders to the meaning of their names. Files beside them, such as a README or a CSV, are ignored."""
    for path in _list_entries(folder):
        if not path.is_dir():
            continue
        name = names.get(path.name.lower())
        if name is None:
            known = ", ".join(dict.fromkeys(str(value) for value in names.values()))
            raise DatasetError(f"the folder {path} is not one of {known}, or another name of one")
        yield path, name


def _list_entries(folder: Path) -> list[Path]:
    entries = sorted(folder.iterdir())
    return [path for path in entries if not path.name.startswith(".") and path.name.lower() not in _LITTER]
