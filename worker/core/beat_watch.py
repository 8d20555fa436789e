"""Watches beat from one of its threads: a beat that sends nothing is terminated, and its supervisor restarts it."""

import os
import threading
import time

import structlog
from celery import signals

from emoscope.pulse import make_pulse
from emoscope.settings import Settings
from emoscope.stillness import Stillness
from worker.core.queue_probe import QueueProbe
from worker.core.stall import STALLED_AFTER_S

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0


class BeatWatch:
    """Checks beat every second."""

    def __init__(self, settings: Settings) -> None:
        self._queue = QueueProbe(settings)
        self._limit_s = settings.sweep_interval_s + STALLED_AFTER_S
        self._pulse = make_pulse(settings.data_dir, "beat")
        self._stillness = Stillness()
        self._sent = 0

    def start(self) -> None:
        """Start checking."""
        signals.after_task_publish.connect(self._count, weak=False)
        self._pulse.beat()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _count(self, **_: object) -> None:
        self._sent += 1

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            self._pulse.beat()
            try:
                self._look()
            except Exception:
                log.exception("watch_failed")

    def _look(self) -> None:
        if self._queue.count_messages([]) is None:
            self._stillness.reset()
        elif self._stillness.look(self._sent, time.monotonic()) >= self._limit_s:
            if self._queue.can_write():
                reason = f"it has sent nothing for {self._stillness.seconds:.0f} s"
                log.critical("beat_stalled", reason=reason, action="beat exits to be restarted")
                self._pulse.end()
                os._exit(1)
            self._stillness.reset()
