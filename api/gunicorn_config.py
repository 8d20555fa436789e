"""Gunicorn's configuration, taken from our own settings."""

import os
from typing import Any

from prometheus_client import multiprocess

from emoscope.settings import load_settings

_settings = load_settings()

bind = f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
workers = _settings.api_processes
threads = _settings.api_threads
# a thread may be held for the longest wait; this is for a process that has stopped moving altogether
timeout = 120
# requests that are held at a stop may end
graceful_timeout = 30
keepalive = 5
# heartbeat files on a disk can block a process that waits for it
worker_tmp_dir = "/dev/shm"  # noqa: S108  # memory, and Gunicorn makes the file safely
# how many proxies count is settled by EMOSCOPE_TRUSTED_PROXIES, in the application
forwarded_allow_ips = ""
accesslog = None
# a socket in the home folder that nobody of us talks to
control_socket_disable = True


def child_exit(_server: Any, worker: Any) -> None:
    """Take a process that ended out of the live gauges."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
