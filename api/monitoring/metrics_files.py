"""Files for multi-process metrics that are safe on a full disk.

prometheus_client maps sparse files into memory. Writing into a hole of such a file on a full disk kills the process with SIGBUS.
Here the space is reserved before a file is mapped. A process that gets no space counts in memory only; its counts are then missing
from the responses of other processes.
"""

import io
import mmap
import os

import structlog
from prometheus_client import mmap_dict, values

log = structlog.get_logger(__name__)

_FIRST_BYTES = mmap_dict._INITIAL_MMAP_SIZE  # noqa: SLF001 - the library has no name for it that isn't private
_ENTRY_BYTES = 32
"""Maximum bytes of an entry besides its key."""


class ReservedFile(mmap_dict.MmapedDict):
    """A process's metrics file. Never raises OSError, and has no holes."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002 - as the library calls it
        """filename: in PROMETHEUS_MULTIPROC_DIR. read_mode: whether it is only read."""
        try:
            if not read_mode:
                _reserve(filename, _FIRST_BYTES)
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
        except OSError as error:
            if read_mode:
                raise
            log.warning("metrics_counted_in_memory", reason=str(error))
            self._start_in_memory()

    def _init_value(self, key: str) -> None:
        needed = self._used + len(key.encode()) + _ENTRY_BYTES
        if needed > self._capacity:
            self._grow(needed)
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _start_in_memory(self) -> None:
        self._f = io.BytesIO()  # no file, so that it also grows in memory only
        self._capacity = _FIRST_BYTES
        self._m = mmap.mmap(-1, self._capacity)
        self._positions: dict[str, int] = {}
        self._used = 8
        mmap_dict._pack_integer(self._m, 0, self._used)  # type: ignore[no-untyped-call]  # noqa: SLF001

    def _grow(self, needed: int) -> None:
        capacity = self._capacity
        while capacity < needed:
            capacity *= 2
        try:
            os.posix_fallocate(self._f.fileno(), 0, capacity)
            grown = mmap.mmap(self._f.fileno(), capacity)
        except OSError as error:
            log.warning("metrics_counted_in_memory", reason=str(error))
            grown = mmap.mmap(-1, capacity)
            grown[: self._used] = self._m[: self._used]
        self._m, self._capacity = grown, capacity


def use_reserved_files() -> None:
    """Make prometheus_client use these files. Call it before the first metric is created."""
    values.MmapedDict = ReservedFile  # type: ignore[attr-defined]


def _reserve(filename: str, size: int) -> None:
    """Create a file of that size with its space reserved. An existing file is kept."""
    descriptor = os.open(filename, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(descriptor).st_size == 0:
            try:
                os.posix_fallocate(descriptor, 0, size)
            except OSError:
                os.unlink(filename)  # noqa: PTH108 - a name that the library gives
                raise
    finally:
        os.close(descriptor)
