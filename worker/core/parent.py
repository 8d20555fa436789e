"""Watches the main process from a worker process: if it hangs, the worker process kills it, and a supervisor restarts both."""

import os
import signal
import threading
import time
from pathlib import Path

import structlog

from emoscope.pulse import Pulse, PulseObserver, find_pulse

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0


class ParentWatch:
    """Watches the main process's heartbeat from a thread of a worker process."""

    def __init__(self, pulse: Pulse, look_every_s: float = _LOOK_EVERY_S) -> None:
        """pulse: heartbeat of the main process."""
        self._look_every_s = look_every_s
        self.pulse = pulse
        self.hangs = False
        """Whether the main process hangs. Then this process gets no more tasks."""
        self._observer = PulseObserver(pulse)

    def start(self) -> None:
        """Start watching."""
        threading.Thread(target=self._run, name="parent-watch", daemon=True).start()

    def _run(self) -> None:
        while os.getppid() == self.pulse.pid:
            time.sleep(self._look_every_s)
            self.hangs = self._observer.is_frozen(time.monotonic())
            if self.hangs and os.getppid() == self.pulse.pid:
                log.critical("main_process_hangs", pid=self.pulse.pid, action="it is killed to be restarted")
                # As PID 1 of a container it can't be killed from within; then the health probe fails.
                os.kill(self.pulse.pid, signal.SIGKILL)


def watch_parent(data_dir: Path, role: str) -> ParentWatch:
    """Watch this worker process's main process from now on."""
    watch = ParentWatch(find_pulse(data_dir, role, os.getppid()))
    watch.start()
    return watch
