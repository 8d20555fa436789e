"""What a worker process does when its main process hangs as a whole: it kills it, and a supervisor starts both anew."""

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
    """Looks at the main process's pulse, from a thread of a worker process."""

    def __init__(self, pulse: Pulse) -> None:
        """pulse: the main process's."""
        self.pulse = pulse
        self.hangs = False
        """Whether the main process hangs. Then this process will be given no more tasks, whatever it can do."""
        self._observer = PulseObserver(pulse)

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="parent-watch", daemon=True).start()

    def _run(self) -> None:
        while os.getppid() == self.pulse.pid:
            time.sleep(_LOOK_EVERY_S)
            self.hangs = self._observer.is_frozen(time.monotonic())
            if self.hangs and os.getppid() == self.pulse.pid:
                log.critical("main_process_hangs", pid=self.pulse.pid, action="it is killed, to be started anew")
                # As the first process of a container it can't be killed from within; the health probe then fails.
                os.kill(self.pulse.pid, signal.SIGKILL)


def watch_parent(data_dir: Path, role: str) -> ParentWatch:
    """Watch this worker process's main process from now on."""
    watch = ParentWatch(find_pulse(data_dir, role, os.getppid()))
    watch.start()
    return watch
