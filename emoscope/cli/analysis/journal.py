"""What a run of `emoscope analyze` has sent, in a file, so that the next run with the same arguments goes on with it.

The file names what is sent before it is sent. So after any interruption at most the last call is in doubt, and the service knows
whether it took that one.
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
    """Another process has the same run under way."""


@dataclass(frozen=True)
class Chunk:
    """Photos of one call. first: the place of the first of them in its batch, from 0."""

    batch_id: UUID
    first: int
    names: tuple[str, ...]


class Journal:
    """The file of a run, held by one process at a time.

    run_id: new for each run, and the same when it goes on. batches: in the order they were opened. sent: what the service has.
    doubtful: what may have been sent. All as they were when the file was opened.
    """

    def __init__(self, path: Path, *, is_fresh: bool = False) -> None:
        """Open the file, or begin it. is_fresh: forget what is in it. Raises RunGoesOn, OSError."""
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
        """Whether the file holds something of an earlier process."""
        return bool(self.batches)

    def begin_batch(self, batch_id: UUID) -> None:
        """Note a batch before anything is sent to it."""
        self._write({"batch": str(batch_id)})

    def begin_sending(self, chunk: Chunk) -> None:
        """Note what is about to be sent."""
        self._write({"sending": {"batch": str(chunk.batch_id), "first": chunk.first, "photos": chunk.names}})

    def end_sending(self) -> None:
        """Note that the service has what was noted last."""
        self._write({"sent": True})

    def forget(self) -> None:
        """Start a run over."""
        self._file.truncate(0)
        self._read()

    def finish(self) -> None:
        """The run has come to its end: delete the file."""
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
    """Where the file of a run lies. identity: what makes two runs the same, as JSON takes it."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
    return state_dir / f"{digest[:32]}.jsonl"


def find_state_dir(environment: Mapping[str, str]) -> Path:
    """The folder for what programs may forget, by the XDG specification: `$XDG_STATE_HOME/emoscope/analyze`."""
    base = environment.get("XDG_STATE_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".local" / "state") / "emoscope" / "analyze"


def join_chunks(chunks: Sequence[Chunk], most: int) -> Iterator[Chunk]:
    """The same photos in fewer chunks, of at most `most` photos where several are joined."""
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
            raise RunGoesOn("another process analyses the same: wait for its end, or stop it") from error
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()  # the run before came to its end, and deleted the file, before it was locked here


def _read_records(file: IO[bytes]) -> Iterator[Any]:
    """Whole records. The last one may be cut off, where the machine stopped while it was written; it is cut away."""
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
