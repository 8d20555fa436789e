"""Where memory goes that is no longer used: what is large, as pixels are, goes back to the system at once. And how much is used."""

import ctypes
import os
from pathlib import Path

_MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD, see mallopt(3)."""


def give_large_memory_back(least_bytes: int) -> None:
    """Return freed blocks of at least this many bytes to the system at once, in this process and those that it forks.

    glibc would raise the size from which it does so to the largest that was freed, and keep what is smaller for the thread that
    had it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, least_bytes)


def read_resident_bytes() -> int | None:
    """The resident memory of this process. None where the system has no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
