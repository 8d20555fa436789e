"""What a worker process does when its main process hangs as a whole: it kills it, and a supervisor starts both anew."""

import os
import signal
import threading
import time
from pathlib import Path

import structlog

from worker.core.pulse import FROZEN_AFTER_S, Pulse, find_pulse
from worker.core.stillness import Stillness

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0


class ParentWatch:
    """Looks at the main process's pulse, from a thread of a worker process."""

    def __init__(self, pulse: Pulse) -> None:
        """pulse: the main process's."""
        self._pulse = pulse
        self._stillness = Stillness()
        self.hangs = False
        """Whether the main process hangs. Then this process will be given no more tasks, whatever it can do."""

    @property
    def pulse(self) -> Pulse:
        """The main process's pulse."""
        return self._pulse

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="parent-watch", daemon=True).start()

    def look(self, now: float) -> bool:
        """Whether the main process hangs. now: seconds of a monotonic clock."""
        beaten_at = _find_mtime(self._pulse.path)
        if beaten_at is None:  # it is ending, or the folder can't be written
            self._stillness.reset()
            self.hangs = False
        else:
            self.hangs = self._stillness.look(beaten_at, now) >= FROZEN_AFTER_S
        return self.hangs

    def _run(self) -> None:
        while os.getppid() == self._pulse.pid:
            time.sleep(_LOOK_EVERY_S)
            if self.look(time.monotonic()) and os.getppid() == self._pulse.pid:
                log.critical("main_process_hangs", pid=self._pulse.pid, still_for_s=round(self._stillness.seconds))
                # As the first process of a container it can't be killed from within; the health probe then fails.
                os.kill(self._pulse.pid, signal.SIGKILL)


def watch_parent(data_dir: Path, role: str) -> ParentWatch:
    """Watch this worker process's main process from now on."""
    watch = ParentWatch(find_pulse(data_dir, role, os.getppid()))
    watch.start()
    return watch


def _find_mtime(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
