"""Reads dataset files that are plain, `.gz` or `.xz`."""

import gzip
import lzma
import zlib
from pathlib import Path

from training.errors import DatasetError


def read_file(path: Path) -> bytes:
    """Return the raw bytes of a file. Raises DatasetError if it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}") from error


def unpack(path: Path, stored: bytes) -> bytes:
    """Decompress a file's bytes according to its suffix. Raises DatasetError if they are damaged."""
    try:
        if path.suffix == ".xz":
            return lzma.decompress(stored)
        return gzip.decompress(stored) if path.suffix == ".gz" else stored
    except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
        raise DatasetError(f"{path.name} is damaged: {error}") from error
