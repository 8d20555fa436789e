"""One program of the supervisor: starting it, detecting its end, and scheduling its restart."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from emoscope.stack.log_files import LogFile
from emoscope.stack.plan import Program
from emoscope.stack.starting import Started, start_fresh
from emoscope.stack.status import ProgramStatus

MIN_UPTIME_S = 60.0
"""A program that ends sooner after its start has failed; after a longer run it is restarted without a pause."""
MAX_PAUSE_S = 30.0


def choose_pause_s(failures: int) -> float:
    """Return the seconds before the restart after this many consecutive failures: 0, 0, 1, 2, 4, 8, 16, 30, 30, ..."""
    return 0.0 if failures < 2 else min(MAX_PAUSE_S, 2.0 ** min(failures - 2, 10))


class SupervisedProgram:
    """A program with its log and restart history."""

    def __init__(self, plan: Program, working_dir: str, logs: Path, min_uptime_s: float = MIN_UPTIME_S) -> None:
        self.min_uptime_s = min_uptime_s
        self.plan = plan
        self.log = LogFile(logs / f"{plan.name}.log")
        self.restart_at: float | None = None
        """When it is restarted, in time.monotonic() seconds; None while it runs or must not run."""
        self._working_dir = working_dir
        self._process: Started | None = None
        self._started_at = 0.0
        self._starts = 0
        self._failures = 0
        self._exit_status: int | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None while it isn't running."""
        return None if self._process is None else self._process.pid

    @property
    def is_failing(self) -> bool:
        """Whether it keeps failing."""
        return self.to_status().is_failing

    def describe(self) -> str:
        """Describe the failures for users."""
        return self.to_status().describe()

    def to_status(self) -> ProgramStatus:
        """Return its current status."""
        has_run_long = self._process is not None and time.monotonic() - self._started_at >= self.min_uptime_s
        failures = 0 if has_run_long else self._failures
        return ProgramStatus(self.plan.name, self.pid, self._starts, failures, self._exit_status)

    @property
    def is_asleep(self) -> bool:
        """Whether it doesn't run since there is no work for it."""
        return self.plan.wake_queue is not None and self._process is None and self.restart_at is None

    def start(self, start_process: Callable[[Program, str, int], Started] = start_fresh) -> int:
        """Start it. Returns the descriptor of its output. Raises OSError; then it is retried later."""
        self._started_at = time.monotonic()
        self._starts += 1
        reading, writing = os.pipe()
        try:
            self._process = start_process(self.plan, self._working_dir, writing)
        except OSError:
            os.close(reading)
            self._plan_restart()
            raise
        finally:
            os.close(writing)
        self.restart_at = None
        return reading

    def has_ended(self) -> bool:
        """Whether it was running and has ended."""
        return self._process is not None and self._process.poll() is not None

    def note_end(self, *, is_stopping: bool) -> str:
        """Record its end, and schedule a restart unless the stack is stopping. Returns a log message."""
        assert self._process is not None
        self._exit_status = self._process.returncode
        # its remaining processes must not run beside those of the next start
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        said = f"the {self.plan.name} ({self._process.pid}) ended with status {self._exit_status}"
        self._process = None
        if is_stopping:
            return said
        if self.plan.wake_queue is not None and self._exit_status == 0:
            self._failures = 0
            return f"{said}; it starts again when there is work for it"
        self._plan_restart()
        assert self.restart_at is not None
        return f"{said}; it is restarted in {max(0.0, self.restart_at - time.monotonic()):.0f} s"

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; SIGKILL to all of its processes."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                os.kill(self._process.pid, number)

    def _plan_restart(self) -> None:
        now = time.monotonic()
        self._failures = self._failures + 1 if now - self._started_at < self.min_uptime_s else 0
        self.restart_at = now + choose_pause_s(self._failures)
