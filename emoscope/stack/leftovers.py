"""Records the processes of a stack beside its lock, so that the next stack can stop those that a killed one left running.

Only a process with the same start time is stopped, because process ids are reused. If the kernel doesn't report start times, as
on macOS, nothing is recorded.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

_NAME = "stack.json"
_PROC = Path("/proc")
_STOP_TIMEOUT_S = 20
_POLL_S = 0.1


class LeftoverStays(Exception):
    """A process of an earlier stack can't be stopped; the message says which, and what to do."""


@dataclass(frozen=True)
class _Started:
    name: str
    pid: int
    since: str

    @property
    def is_running(self) -> bool:
        return _read_start(self.pid) == self.since

    def send(self, number: signal.Signals) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise LeftoverStays(
                f"the process {self.pid} ({self.name!r}) of an earlier stack is still running and belongs to another user. "
                "Stop it, or name another folder in EMOSCOPE_DATA_DIR."
            ) from error


def record_started(data_dir: Path, name: str, pid: int) -> None:
    """Record a process that the stack of this data folder has started, replacing an earlier one with that name. Raises OSError."""
    since = _read_start(pid)
    if since is None:
        return
    started = {process.name: process for process in _read_started(data_dir)} | {name: _Started(name, pid, since)}
    draft = data_dir / f"{_NAME}.draft"
    draft.write_text(json.dumps([asdict(process) for process in started.values()]))
    draft.replace(data_dir / _NAME)


def stop_leftovers(data_dir: Path, progress: Callable[[str], None], timeout_s: float = _STOP_TIMEOUT_S) -> None:
    """Stop processes left by an earlier stack of this data folder, in the usual order.

    timeout_s: before a process that doesn't end is killed.
    Call it while holding the stack's lock; otherwise it would stop a running stack. Raises LeftoverStays.
    """
    left = [process for process in _read_started(data_dir) if process.is_running]
    if left:
        progress(f"stopping what an earlier stack left running: {', '.join(process.name for process in left)}")
    for process in reversed(left):
        _stop(process, timeout_s)
    (data_dir / _NAME).unlink(missing_ok=True)


def _stop(process: _Started, timeout_s: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.is_running:
            process.send(number)
        end = time.monotonic() + timeout_s
        while process.is_running and time.monotonic() < end:
            time.sleep(_POLL_S)


def _read_started(data_dir: Path) -> list[_Started]:
    try:
        return [_Started(**process) for process in json.loads((data_dir / _NAME).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _read_start(pid: int) -> str | None:
    """Return boot id and start time of a process, or None if it has ended or the kernel doesn't report them."""
    try:
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
        # the name, in brackets, may contain anything; the third and later fields follow it
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    state, start = fields[0], fields[19]
    return None if state in "ZX" else f"{boot} {start}"
