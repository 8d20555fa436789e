"""Request bodies while they arrive: small ones in memory, larger ones in temporary files, all within a total."""

import asyncio
from concurrent.futures import Executor
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO

_MAX_MEMORY_BYTES = 1_000_000
"""Bodies larger than this go to a file."""

_MAX_TOTAL_MEMORY_BYTES = 64_000_000
"""Total bytes of bodies in memory per process. When they are used up, new bodies go to a file from the first byte."""


class NoRoomForBody(Exception):
    """The process holds the maximum number of body bytes, or the disk is full."""


class BodyBudget:
    """Counts the bytes of all bodies of a process. For one event loop only: it takes no lock."""

    def __init__(self, max_bytes: int, max_memory_bytes: int = _MAX_TOTAL_MEMORY_BYTES) -> None:
        """max_bytes, max_memory_bytes: of all bodies together, and of those in memory."""
        self.max_bytes = max_bytes
        self.max_memory_bytes = max_memory_bytes
        self.held_bytes = 0
        self.memory_bytes = 0


class Body:
    """One body. `write` it while it arrives, then `open` it, and `close` it at the end."""

    def __init__(self, budget: BodyBudget, executor: Executor) -> None:
        """executor: writes the files, so that a slow disk doesn't block the event loop."""
        self.byte_count = 0
        self._budget = budget
        self._executor = executor
        self._memory_bytes = 0
        self._file: IO[bytes] = BytesIO()
        self._is_closed = False

    async def write(self, data: bytes) -> None:
        """Append bytes. Raises NoRoomForBody."""
        if not data:
            return
        if self._budget.held_bytes + len(data) > self._budget.max_bytes:
            raise NoRoomForBody
        self._budget.held_bytes += len(data)
        self.byte_count += len(data)
        if self._fits_memory(len(data)):
            self._file.write(data)
            self._memory_bytes += len(data)
            self._budget.memory_bytes += len(data)
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._write_to_file, data)
        except OSError as error:
            raise NoRoomForBody from error
        self._release_memory()

    def open(self) -> IO[bytes]:
        """Return the whole body, positioned at its start."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Release what the body holds."""
        if self._is_closed:
            return
        self._is_closed = True
        self._file.close()
        self._release_memory()
        self._budget.held_bytes -= self.byte_count

    def _fits_memory(self, more: int) -> bool:
        return (
            isinstance(self._file, BytesIO)
            and self._memory_bytes + more <= _MAX_MEMORY_BYTES
            and self._budget.memory_bytes + more <= self._budget.max_memory_bytes
        )

    def _write_to_file(self, data: bytes) -> None:
        if isinstance(self._file, BytesIO):
            file = TemporaryFile()  # noqa: SIM115  # closed in `close`
            try:
                # always released: memory with an exported view can't be freed
                with self._file.getbuffer() as held:
                    file.write(held)
            except OSError:
                file.close()
                raise
            self._file = file
        self._file.write(data)
        self._file.flush()  # so that a full disk is noticed here, not when the photo is read

    def _release_memory(self) -> None:
        self._budget.memory_bytes -= self._memory_bytes
        self._memory_bytes = 0
