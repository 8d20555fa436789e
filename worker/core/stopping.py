"""Tells worker processes that their worker is stopping. Celery lets running tasks finish first, and a training run may take
hours.
"""

import os
import signal
import threading
from types import FrameType

import billiard
from celery import signals

_parent = os.getppid()
"""In a worker process it is read again at its start: the module may have been imported by the process from which it was forked."""
_told = threading.Event()


def is_stopping() -> bool:
    """Return whether this process's worker is shutting down or gone."""
    return _told.is_set() or os.getppid() != _parent


@signals.worker_shutting_down.connect
def tell_worker_processes(**_: object) -> None:
    """In the main process: tell the worker processes that the worker is stopping."""
    for process in billiard.active_children():
        os.kill(process.pid, signal.SIGUSR2)


@signals.worker_process_init.connect
def _listen(**_: object) -> None:
    global _parent  # noqa: PLW0603
    _parent = os.getppid()
    signal.signal(signal.SIGUSR2, _note)


def _note(_number: int, _frame: FrameType | None) -> None:
    _told.set()
