"""Limits a machine to decoding one large picture at a time.

The lock is a kernel lock on a folder that all processes of the machine share. It is released when its process ends, in whatever
way, and needs no disk space.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.photos.memory import LARGE_BYTES

_POLL_S = 0.02


class DecodingBusy(Exception):
    """Another large picture was being decoded during the whole wait."""

    code = "decoding_busy"


@dataclass(frozen=True, slots=True)
class DecodingLock:
    """The right to decode a large picture.

    folder: the folder to lock, usually the data folder; the temporary folder is used if it doesn't exist. wait_s: maximum wait in
    seconds.
    """

    folder: Path
    wait_s: float

    @contextmanager
    def hold_for(self, peak_bytes: int) -> Iterator[None]:
        """Hold the lock while a picture of this size is decoded; small ones don't need it. Raises DecodingBusy."""
        if peak_bytes <= LARGE_BYTES:
            yield
            return
        folder = self.folder if self.folder.is_dir() else _find_temporary_folder()
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _take(handle, time.monotonic() + self.wait_s)
            yield
        finally:
            os.close(handle)


def _find_temporary_folder() -> Path:
    import tempfile  # needed by large photos only, and takes 5 ms to import

    return Path(tempfile.gettempdir())


def _take(handle: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise DecodingBusy("another large picture is being decoded on this machine") from None
            time.sleep(_POLL_S)
        else:
            return
