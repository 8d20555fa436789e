"""Finds the photos named by arguments: files, folders, patterns, URLs and lists of them."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoscope_client.photos import is_url

SUFFIXES = frozenset(
    {
        ".avif",
        ".bmp",
        ".gif",
        ".heic",
        ".heif",
        ".hif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".png",
        ".tif",
        ".tiff",
        ".webp",
    }
)
"""Suffixes of files that are taken from folders. A file named directly may have any suffix."""

STREAM = "-"
"""Stands for standard input."""


class NoSuchPhoto(ValueError):
    """A name is not a file, folder or URL, and matches nothing as a pattern."""


@dataclass(frozen=True)
class Inputs:
    """names: paths and URLs without duplicates, in the given order; folders sorted by name. skipped: files in folders that aren't
    photos.
    """

    names: Sequence[str]
    skipped: int


def find_inputs(arguments: Iterable[str]) -> Inputs:
    """Find the photos of the arguments. Raises NoSuchPhoto."""
    found: dict[str, None] = {}  # keeps order, removes duplicates
    skipped = 0
    for argument in arguments:
        for name, is_photo in _list_named(argument):
            if is_photo:
                found[name] = None
            else:
                skipped += 1
    return Inputs(list(found), skipped)


def read_list(text: str) -> list[str]:
    """Read a list of names, one per line, without empty lines."""
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def _list_named(argument: str) -> Iterator[tuple[str, bool]]:
    if is_url(argument):
        yield argument, True
    elif Path(argument).is_dir():
        yield from _list_folder(argument)
    elif Path(argument).exists():
        yield argument, True
    else:
        matches = sorted(glob.glob(argument, recursive=True)) if glob.has_magic(argument) else []  # noqa: PTH207 - keeps `./`
        if not matches:
            what = "no file matches" if glob.has_magic(argument) else "there is no file or folder"
            raise NoSuchPhoto(f"{what} {argument!r}")
        for match in matches:
            if Path(match).is_file():
                yield match, True


def _list_folder(folder: str) -> Iterator[tuple[str, bool]]:
    """List the files of a folder and its subfolders, by name. Hidden ones are skipped; links to folders aren't followed."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield os.path.join(parent, name), Path(name).suffix.lower() in SUFFIXES  # noqa: PTH118 - keeps `./`
