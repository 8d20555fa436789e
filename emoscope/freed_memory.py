"""Returns freed memory to the system, and measures the resident memory."""

import ctypes
import os
from pathlib import Path

_MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD, see mallopt(3)."""


def give_large_memory_back(least_bytes: int) -> None:
    """Return freed blocks of at least this many bytes to the system at once, in this process and its forks.

    By default glibc raises this threshold to the largest block freed, and keeps smaller blocks for the thread that used them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries don't have it
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, least_bytes)


def read_resident_bytes() -> int | None:
    """Return the resident memory of this process, or None if the system has no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
