"""Celery with the service's own settings, and one task that waits for a file: a worker that starts quickly and is busy at will.

EMOSCOPE_TEST_FAULT names a fault that it shall have, EMOSCOPE_TEST_PATIENCE_S how many seconds its watch shall wait.
Start it as `celery -A tests.support.waiting_worker worker -Q waiting`.
"""

import os
import threading
import time
from pathlib import Path
from typing import Any

from emoscope import pulse
from worker.core import beat_watch, stall, watch
from worker.core.app import app

QUEUE = "waiting"
WAIT = "tests.wait"

if seconds := float(os.environ.get("EMOSCOPE_TEST_PATIENCE_S", "0")):
    for module in (stall, beat_watch):
        vars(module)["STALLED_AFTER_S"] = seconds
    pulse.FROZEN_AFTER_S = seconds
    watch._GRACE_S = seconds

app.conf.include = ["worker.core.lifecycle", "worker.core.stopping", "tests.support.waiting_worker"]


@app.task(name=WAIT)  # type: ignore[untyped-decorator]
def wait(number: int, folder: str) -> None:
    """Wait for the file `go` in the folder, then leave the file `<number>.done` there."""
    Path(folder, f"{number}.begun").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.02)
    Path(folder, f"{number}.done").touch()


def _hang() -> None:
    """Let the main process's event loop stand still, as a lock that nobody gives back would."""
    from worker.core.watch import WatchStep

    def stand_still(_step: WatchStep, _consumer: Any, hub: Any) -> None:
        hub.call_later(1, threading.Event().wait)

    setattr(WatchStep, "register_with_event_loop", stand_still)  # noqa: B010


def _be_deaf() -> None:
    """Let the worker believe that it has as many messages in hand as it may."""
    from worker.core.broker import LocalQoS

    LocalQoS.can_consume = lambda _qos: False  # type: ignore[method-assign]


def _be_mute() -> None:
    """Let beat's loop stand still after its first message."""
    from celery.beat import Scheduler

    Scheduler.tick = lambda _scheduler, **_: 3600.0


_FAULTS = {"hanging": _hang, "deaf": _be_deaf, "mute": _be_mute}
if fault := os.environ.get("EMOSCOPE_TEST_FAULT"):
    _FAULTS[fault]()
