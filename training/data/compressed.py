"""Files of a dataset as they are given: plain, `.gz` or `.xz`."""

import gzip
import lzma
import zlib
from pathlib import Path

from training.errors import DatasetError


def read_file(path: Path) -> bytes:
    """The bytes of a file as it lies there. Raises DatasetError if it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}") from error


def unpack(path: Path, stored: bytes) -> bytes:
    """What is in a file with these bytes, packed as its name says. Raises DatasetError if it is damaged."""
    try:
        if path.suffix == ".xz":
            return lzma.decompress(stored)
        return gzip.decompress(stored) if path.suffix == ".gz" else stored
    except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
        raise DatasetError(f"{path.name} is damaged: {error}") from error
