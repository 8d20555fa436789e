"""Records the progress of a run of `emoscope analyze`, so that the next run with the same arguments resumes it.

Photos are recorded before they are sent. After an interruption only the last call is uncertain, and the service knows whether it
got that one.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from uuid import UUID, uuid4


class RunGoesOn(ValueError):
    """Another process is executing the same run."""


@dataclass(frozen=True)
class Chunk:
    """Photos of one call. first: position of the first one in its batch, from 0."""

    batch_id: UUID
    first: int
    names: tuple[str, ...]


class Journal:
    """The file of a run, locked by one process.

    run_id: new for each run, unchanged when resumed. batches: in the order of creation. sent: photos that the service has.
    doubtful: photos that may have been sent. All as of opening the file.
    """

    def __init__(self, path: Path, *, is_fresh: bool = False) -> None:
        """Open or create the file. is_fresh: ignore its contents. Raises RunGoesOn, OSError."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._file = _open_locked(path)
        if is_fresh:
            self._file.truncate(0)
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def is_resumed(self) -> bool:
        """Whether the file has records of an earlier process."""
        return bool(self.batches)

    def begin_batch(self, batch_id: UUID) -> None:
        """Record a batch before anything is sent to it."""
        self._write({"batch": str(batch_id)})

    def begin_sending(self, chunk: Chunk) -> None:
        """Record photos before they are sent."""
        self._write({"sending": {"batch": str(chunk.batch_id), "first": chunk.first, "photos": chunk.names}})

    def end_sending(self) -> None:
        """Record that the service has the photos recorded last."""
        self._write({"sent": True})

    def forget(self) -> None:
        """Start the run over."""
        self._file.truncate(0)
        self._read()

    def finish(self) -> None:
        """Delete the file: the run is complete."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        self.run_id = ""
        self.batches: list[UUID] = []
        self.sent: list[Chunk] = []
        self.doubtful: Chunk | None = None
        for record in _read_records(self._file):
            match record:
                case {"run": str(run_id)}:
                    self.run_id = run_id
                case {"batch": str(batch_id)}:
                    self.batches.append(UUID(batch_id))
                    self.doubtful = None
                case {"sending": {"batch": batch_id, "first": first, "photos": names}}:
                    self.doubtful = Chunk(UUID(batch_id), first, tuple(names))
                case {"sent": True} if self.doubtful is not None:
                    self.sent.append(self.doubtful)
                    self.doubtful = None
        if not self.run_id:
            self.run_id = uuid4().hex
            self._write({"run": self.run_id})

    def _write(self, record: Mapping[str, Any]) -> None:
        self._file.write(f"{json.dumps(record)}\n".encode(errors="surrogateescape"))
        self._file.flush()
        os.fsync(self._file.fileno())


def find_journal(state_dir: Path, **identity: Any) -> Path:
    """Return the path of a run's file. identity: JSON values that identify the run."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
    return state_dir / f"{digest[:32]}.jsonl"


def find_state_dir(environment: Mapping[str, str]) -> Path:
    """Return the state folder of the XDG specification: `$XDG_STATE_HOME/emoscope/analyze`."""
    base = environment.get("XDG_STATE_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".local" / "state") / "emoscope" / "analyze"


def join_chunks(chunks: Sequence[Chunk], most: int) -> Iterator[Chunk]:
    """Join chunks of the same photos, up to `most` photos per chunk."""
    joined: Chunk | None = None
    for chunk in chunks:
        if joined is not None and _follows(chunk, joined) and len(joined.names) + len(chunk.names) <= most:
            joined = Chunk(joined.batch_id, joined.first, joined.names + chunk.names)
            continue
        if joined is not None:
            yield joined
        joined = chunk
    if joined is not None:
        yield joined


def _follows(chunk: Chunk, before: Chunk) -> bool:
    return chunk.batch_id == before.batch_id and chunk.first == before.first + len(before.names)


def _open_locked(path: Path) -> IO[bytes]:
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise RunGoesOn("another process is analysing the same photos: wait for it, or stop it") from error
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()  # the previous run completed and deleted the file before this lock was acquired


def _read_records(file: IO[bytes]) -> Iterator[Any]:
    """Read complete records. A partial last one, left by a crash, is truncated."""
    file.seek(0)
    whole = 0
    for line in file.read().splitlines(keepends=True):
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            record = None
        if record is None:
            break
        whole += len(line)
        yield record
    file.truncate(whole)
