"""Heartbeat files of main processes: touched every second, so that other processes see when one hangs.

A process that is stopped or stuck in native code can't report it itself. Its worker processes, the health probe and `emoscope up`
watch this file.
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
"""Age of a heartbeat file after which its process counts as hanging. It is touched every second; a busy machine delays it by a few.
"""


READY = "ready"
"""Prefix of the marker files of ready worker processes, in place of a role."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The heartbeat file of one process. role: `api`, `analysis`, `housekeeping`, `training` or `beat`."""

    role: str
    pid: int
    path: Path

    @property
    def age_s(self) -> float | None:
        """Seconds since the last heartbeat. None: the process ended normally."""
        try:
            return max(0.0, time.time() - self.path.stat().st_mtime)
        except OSError:
            return None

    def beat(self) -> None:
        """Touch the file. Never raises: a read-only folder must not stop a process."""
        with contextlib.suppress(OSError):
            self.path.touch(mode=0o600)

    def end(self) -> None:
        """Remove the files of a process that ends."""
        for path in (self.path, self._failure_path):
            with contextlib.suppress(OSError):
                path.unlink()

    def mark_ready(self, pid: int, *, is_ready: bool) -> None:
        """In a worker process: mark it as ready, or not. pid: its own.

        The file `ready@HOST@PID` is empty. A container's health check looks for it instead of querying the database.
        """
        mark = self.path.with_name(f"{READY}@{socket.gethostname()}@{pid}")
        with contextlib.suppress(OSError):
            mark.touch(mode=0o600) if is_ready else mark.unlink(missing_ok=True)

    def report_failure(self, reason: str) -> None:
        """In a worker process: tell the main process why this one can never get ready."""
        with contextlib.suppress(OSError):
            self._failure_path.write_text(reason)

    def read_failure(self) -> str | None:
        """In the main process: return why its worker processes can never get ready, or None."""
        try:
            return self._failure_path.read_text()
        except OSError:
            return None

    @property
    def _failure_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.failure")


class PulseObserver:
    """Watches a heartbeat file from another process."""

    def __init__(self, pulse: Pulse, frozen_after_s: float | None = None) -> None:
        """frozen_after_s: without a beat; by default FROZEN_AFTER_S."""
        self.pulse = pulse
        self._frozen_after_s = FROZEN_AFTER_S if frozen_after_s is None else frozen_after_s
        self._stillness = Stillness()

    def is_frozen(self, now: float) -> bool:
        """Return whether the process hangs. now: monotonic time in seconds. Call it every few seconds.

        Suspending the machine or changing its clock doesn't count: only time during which this process was running does.
        """
        try:
            beaten_at = self.pulse.path.stat().st_mtime_ns
        except OSError:  # it is ending, or the folder is read-only
            self._stillness.reset()
            return False
        return self._stillness.look(beaten_at, now) >= self._frozen_after_s


def make_pulse(data_dir: Path, role: str) -> Pulse:
    """Create this process's heartbeat file, and remove files of dead processes from the folder."""
    folder = _find_folder(data_dir)
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for pulse in list_pulses(data_dir):
        if not _is_running(pulse.pid):
            pulse.end()
    pulse = find_pulse(data_dir, role, os.getpid())
    pulse.end()  # files of an earlier start of the container with the same process id
    return pulse


def find_pulse(data_dir: Path, role: str, pid: int) -> Pulse:
    """Return the heartbeat file of a process of this machine."""
    return Pulse(role, pid, _find_folder(data_dir) / f"{role}@{socket.gethostname()}@{pid}")


def list_pulses(data_dir: Path) -> Iterator[Pulse]:
    """List the heartbeat files of this machine's processes, including killed ones."""
    for path in sorted(_find_folder(data_dir).glob(f"*@{socket.gethostname()}@*")):
        role, _, pid = path.name.split("@")
        if pid.isdigit():
            yield Pulse(role, int(pid), path)


def has_pulse(data_dir: Path, role: str) -> bool:
    """Return whether a process of that role is alive on this machine."""
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
