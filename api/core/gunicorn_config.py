"""Gunicorn's configuration, taken from our own settings."""

import ctypes
import os
from math import ceil
from typing import Any

from prometheus_client import multiprocess

from emoscope.settings import load_settings_or_exit

_settings = load_settings_or_exit()

bind = _settings.address
worker_class = "gthread"
workers = _settings.api_processes
threads = _settings.api_threads
# a thread may be held for the longest wait; this is for a process that has stopped moving altogether
timeout = 120
# requests that are held at a stop may end, if whoever stops us waits as long: 20 s in the one-machine stack
graceful_timeout = ceil(_settings.max_wait_s) + 5
keepalive = 5
# heartbeat files on a disk can block a process that waits for it
worker_tmp_dir = "/dev/shm"  # noqa: S108  # memory, and Gunicorn makes the file safely
# how many proxies count is settled by EMOSCOPE_TRUSTED_PROXIES, in the application
forwarded_allow_ips = ""
accesslog = None
# a socket in the home folder that nobody of us talks to
control_socket_disable = True

_MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD, see mallopt(3)."""


def _give_memory_back() -> None:
    """Let what is large, as pixels are, go back to the system as soon as it is free.

    glibc would raise the size from which it does so to the largest that was freed, and keep what is smaller for the thread that
    had it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 1_048_576)


_give_memory_back()  # in the parent: its children are forked and keep it


def child_exit(_server: Any, worker: Any) -> None:
    """Take a process that ended out of the live gauges."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
