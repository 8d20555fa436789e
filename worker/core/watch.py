"""Watches a worker's main process from one of its threads. A worker that takes no message while messages wait is terminated, and
its supervisor restarts it.
"""

import os
import signal
import threading
import time
from typing import Any

import billiard
import structlog
from celery import bootsteps
from celery.worker import state

from db.core import queues as names
from emoscope.pulse import make_pulse
from emoscope.settings import Settings, load_settings
from emoscope.stillness import Stillness
from worker.core.broker import LocalQoS
from worker.core.queue_probe import QueueProbe
from worker.core.stall import Sight, StallRule
from worker.core.stopping import tell_worker_processes

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0
_GRACE_S = 10.0
"""Seconds that a stalled worker has to stop normally, in which busy processes may finish their jobs."""
_THREADS_BUSY_LIMIT_S = 600.0
"""The housekeeper's longest task, an hourly search for photos without a job, takes minutes on an S3 store."""
_MARGIN_S = 60.0


class Watch:
    """Checks a worker every second."""

    def __init__(self, consumer: Any, settings: Settings, look_every_s: float = _LOOK_EVERY_S) -> None:
        """consumer: Celery's consumer of the worker to watch."""
        self._look_every_s = look_every_s
        self._consumer = consumer
        self._queues = list(consumer.app.amqp.queues.consume_from)
        self._queue = QueueProbe(settings)
        self.role = find_role(self._queues)
        self._rule = StallRule(_find_busy_limit_s(self.role, settings))
        self._pulse = make_pulse(settings.data_dir, self.role)
        self._idle_limit_s = float(os.environ.get(names.END_IDLE_S, "inf"))
        self._idling = Stillness()
        self._turns = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Start checking."""
        self._pulse.beat()
        self._thread.start()

    def stop(self) -> None:
        """Stop checking: the worker is stopping normally."""
        self._done.set()
        self._pulse.end()

    def count_turn(self) -> None:
        """Count a turn of the event loop, which calls this every second."""
        self._turns += 1

    def _run(self) -> None:
        while not self._done.wait(self._look_every_s):
            try:
                reason = self._look()
            except Exception:
                log.exception("watch_failed")
                continue
            if reason is not None:
                self._end("worker_stalled", reason)
                return
            if (failure := self._pulse.read_failure()) is not None:
                self._end("worker_cannot_set_up", failure)
                return

    def _look(self) -> str | None:
        if state.should_stop is not None or state.should_terminate is not None:
            return None  # it is stopping, so it takes no messages
        sight = self._see()
        self._pulse.beat()
        if self._is_done(sight):
            log.info("worker_idle", role=self.role, action="the worker ends, to be started for the next message")
            state.should_stop = 0  # the exit code; whatever comes in meanwhile stays in the queue
            return None
        reason = self._rule.find_stall(sight, time.monotonic())
        if reason is not None and not self._queue.can_write():
            self._rule.reset()
            return None
        return reason

    def _is_done(self, sight: Sight) -> bool:
        """Whether this worker, which runs only while there is work, has had none for long."""
        if sight.waiting != 0 or sight.busy:
            self._idling.reset()
            return False
        return self._idling.look(sight.moves, time.monotonic()) >= self._idle_limit_s

    def _see(self) -> Sight:
        busy = len(state.active_requests)
        fetched = max(0, len(state.reserved_requests) - busy)
        queued = self._queue.count_messages(self._queues)
        return Sight(
            waiting=None if queued is None else queued + fetched,
            free=max(0, self._count_slots() - busy),
            busy=busy,
            moves=LocalQoS.taken + state.all_total_count[0],
            turns=self._turns,
        )

    def _count_slots(self) -> int:
        """Return the number of threads, or of started worker processes: one that still loads its model can't take a message."""
        pool = self._consumer.pool
        started = getattr(getattr(pool, "_pool", None), "_fileno_to_inq", None)
        return int(pool.num_processes) if started is None else len(started)

    def _end(self, event: str, reason: str) -> None:
        """Terminate the process: normally within `_GRACE_S`, otherwise at once."""
        log.critical(event, role=self.role, reason=reason, action="the worker exits to be restarted")
        tell_worker_processes()
        state.should_stop = 1  # the exit code; the event loop checks it at each turn
        time.sleep(_GRACE_S)  # this thread ends with the process
        log.critical("worker_killed", role=self.role, reason=f"it didn't stop within {_GRACE_S:g} s")
        for process in billiard.active_children():
            os.kill(process.pid, signal.SIGKILL)
        self._pulse.end()
        os._exit(1)


def find_role(queues: list[str]) -> str:
    """Return the role of a worker with these queues."""
    if names.ANALYSIS_QUEUE in queues or names.BULK_QUEUE in queues:
        return "analysis"
    if names.TRAINING_QUEUE in queues:
        return "training"
    return "housekeeping"


def _find_busy_limit_s(role: str, settings: Settings) -> float:
    """Return the busy limit: Celery ends tasks of worker processes at their hard time limit; threads have none."""
    if role == "analysis":
        return settings.hard_time_limit_s + _MARGIN_S
    if role == "training":
        return settings.retrain_time_limit_s + 600 + _MARGIN_S
    return _THREADS_BUSY_LIMIT_S


class WatchStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts the watch with Celery's consumer, and keeps it across lost connections."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._watch: Watch | None = None

    def start(self, consumer: Any) -> None:
        """Start watching at the first connection."""
        if self._watch is None:
            self._watch = Watch(consumer, load_settings())
            self._watch.start()

    def register_with_event_loop(self, _consumer: Any, hub: Any) -> None:
        """Count turns of the event loop, which is recreated with each connection."""
        if self._watch is not None:
            hub.call_repeatedly(_LOOK_EVERY_S, self._watch.count_turn)

    def stop(self, _consumer: Any) -> None:
        """Called also at each lost connection: keep watching."""

    def shutdown(self, _consumer: Any) -> None:
        """Stop watching: the worker stops."""
        if self._watch is not None:
            self._watch.stop()
