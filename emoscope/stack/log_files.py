"""Log files of the one-machine stack, limited in size and number."""

import contextlib
import itertools
import os
from pathlib import Path

MAX_BYTES = 5_000_000
"""Maximum size of a file. A program's logs take at most (OLDER_FILES + 1) times as much."""
OLDER_FILES = 3
"""Number of older files; `NAME.log.1` is the latest of them."""


class LogFile:
    """A log file that is rotated when full. On a full or read-only disk lines are lost, and nothing is raised."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, older_files: int = OLDER_FILES) -> None:
        """path: of the current file; its folder must exist. The file is created at the first write."""
        self.path = path
        self._max_bytes = max_bytes
        self._older_files = older_files
        self._descriptor: int | None = None
        self._size = 0
        self._lost_bytes = 0

    def write(self, data: bytes) -> None:
        """Append bytes. Bytes that can't be written are dropped; a later line reports how many."""
        part_bytes = self._max_bytes // 2
        for start in range(0, len(data), part_bytes):
            self._write_part(data[start : start + part_bytes])

    def close(self) -> None:
        """Close the file. The next write reopens it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read_tail(self, lines: int = 15, max_bytes: int = 20_000) -> str:
        """Return the last lines, limited to max_bytes."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.path.stat().st_size - max_bytes))
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def _write_part(self, data: bytes) -> None:
        note = f"({self._lost_bytes} bytes of this log could not be written)\n".encode() if self._lost_bytes else b""
        try:
            self._open()
            if self._size and self._size + len(note) + len(data) > self._max_bytes:
                self._rotate()
                self._open()
            assert self._descriptor is not None
            written = os.write(self._descriptor, note + data)
        except OSError:
            written = 0
        self._size += written
        is_whole = written == len(note) + len(data)
        self._lost_bytes = 0 if is_whole else self._lost_bytes + len(data) - max(0, written - len(note))

    def _open(self) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        self.close()
        files = [self.path, *(self.path.with_name(f"{self.path.name}.{n}") for n in range(1, self._older_files + 1))]
        try:
            for newer, older in reversed(list(itertools.pairwise(files))):
                with contextlib.suppress(FileNotFoundError):
                    newer.replace(older)
        except OSError:
            # if files can't be renamed, the size limit takes precedence over their contents
            os.truncate(self.path, 0)
