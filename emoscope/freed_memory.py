"""Where memory goes that is no longer used: what is large, as pixels are, goes back to the system at once."""

import ctypes

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
