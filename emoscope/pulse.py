"""The pulse of a process: a file of its own that it touches every second, so that other processes see whether it still moves.

A process that hangs as a whole, stopped or caught in native code, can't tell so itself. Its worker processes, the health probe and
`emoscope up` look at this file.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emoscope.stillness import Stillness

FROZEN_AFTER_S = 20.0
"""A pulse that old belongs to a process that hangs. It beats every second, and a busy machine delays it by a few."""


READY = "ready"
"""What the marks of worker processes that are ready begin with, in the place of a role."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The pulse of one process. role: `api`, `analysis`, `housekeeping`, `training` or `beat`."""

    role: str
    pid: int
    path: Path

    @property
    def age_s(self) -> float | None:
        """Seconds since the last beat. None: the process ended in order."""
        try:
            return max(0.0, time.time() - self.path.stat().st_mtime)
        except OSError:
            return None

    def beat(self) -> None:
        """Show that the process moves. Raises nothing: a folder that can't be written stops no process."""
        with contextlib.suppress(OSError):
            self.path.touch(mode=0o600)

    def end(self) -> None:
        """Remove the files of a process that ends."""
        for path in (self.path, self._failure_path):
            with contextlib.suppress(OSError):
                path.unlink()

    def mark_ready(self, pid: int, *, is_ready: bool) -> None:
        """In a worker process: let whoever looks at the folder see whether this process is ready. pid: its own.

        The file `ready@HOST@PID` holds nothing. A container's health check asks for it, since it asks no database.
        """
        mark = self.path.with_name(f"{READY}@{socket.gethostname()}@{pid}")
        with contextlib.suppress(OSError):
            mark.touch(mode=0o600) if is_ready else mark.unlink(missing_ok=True)

    def report_failure(self, reason: str) -> None:
        """In a worker process: tell the main process why this one can't set up, and won't be able to."""
        with contextlib.suppress(OSError):
            self._failure_path.write_text(reason)

    def read_failure(self) -> str | None:
        """In the main process: why its worker processes can't set up. None: none of them said so."""
        try:
            return self._failure_path.read_text()
        except OSError:
            return None

    @property
    def _failure_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.failure")


class PulseObserver:
    """Looks at a pulse from another process."""

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self._stillness = Stillness()

    def is_frozen(self, now: float) -> bool:
        """Whether the process hangs. now: seconds of a monotonic clock. Ask every few seconds.

        A machine that slept, or whose clock was set, freezes nothing: what counts is the time for which this process looked.
        """
        try:
            beaten_at = self.pulse.path.stat().st_mtime_ns
        except OSError:  # it is ending, or the folder can't be written
            self._stillness.reset()
            return False
        return self._stillness.look(beaten_at, now) >= FROZEN_AFTER_S


def make_pulse(data_dir: Path, role: str) -> Pulse:
    """The pulse of this process, in a folder from which files of processes that are gone are removed."""
    folder = _find_folder(data_dir)
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for pulse in list_pulses(data_dir):
        if not _is_running(pulse.pid):
            pulse.end()
    pulse = find_pulse(data_dir, role, os.getpid())
    pulse.end()  # files of a container's earlier start, whose process had the same number
    return pulse


def find_pulse(data_dir: Path, role: str, pid: int) -> Pulse:
    """The pulse of a process of this machine."""
    return Pulse(role, pid, _find_folder(data_dir) / f"{role}@{socket.gethostname()}@{pid}")


def list_pulses(data_dir: Path) -> Iterator[Pulse]:
    """The pulses of this machine's processes, also of those that were killed."""
    for path in sorted(_find_folder(data_dir).glob(f"*@{socket.gethostname()}@*")):
        role, _, pid = path.name.split("@")
        if pid.isdigit():
            yield Pulse(role, int(pid), path)


def has_pulse(data_dir: Path, role: str) -> bool:
    """Whether a process of that role moves on this machine."""
    ages = [pulse.age_s for pulse in list_pulses(data_dir) if pulse.role == role and _is_running(pulse.pid)]
    return any(age_s is not None and age_s < FROZEN_AFTER_S for age_s in ages)


def _find_folder(data_dir: Path) -> Path:
    return data_dir / "pulses"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
