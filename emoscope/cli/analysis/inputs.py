"""What somebody names to be analysed: files, folders, patterns, URLs and lists of them, each as one photo after the other."""

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
"""Names of files that are taken from a folder end with one of these. A file that is named itself is taken whatever its name is."""

STREAM = "-"
"""Names the standard input."""


class NoSuchPhoto(ValueError):
    """A name is no file, folder or URL, and as a pattern it fits nothing."""


@dataclass(frozen=True)
class Inputs:
    """names: paths and URLs, each once, in the order given; folders by name. skipped: files in folders that are no photos."""

    names: Sequence[str]
    skipped: int


def find_inputs(arguments: Iterable[str]) -> Inputs:
    """Find the photos that arguments name. Raises NoSuchPhoto."""
    found: dict[str, None] = {}  # keeps the order, and each name once
    skipped = 0
    for argument in arguments:
        for name, is_photo in _list_named(argument):
            if is_photo:
                found[name] = None
            else:
                skipped += 1
    return Inputs(list(found), skipped)


def read_list(text: str) -> list[str]:
    """The names in a list, one a line. Empty lines don't count."""
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
            what = "no file fits" if glob.has_magic(argument) else "there is no file or folder"
            raise NoSuchPhoto(f"{what} {argument!r}")
        for match in matches:
            if Path(match).is_file():
                yield match, True


def _list_folder(folder: str) -> Iterator[tuple[str, bool]]:
    """The files in a folder and those below it, by name. What is hidden is left out, and links to folders aren't followed."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield os.path.join(parent, name), Path(name).suffix.lower() in SUFFIXES  # noqa: PTH118 - keeps `./`
