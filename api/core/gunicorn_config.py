"""Gunicorn's configuration, derived from our settings."""

import gc
import os
import resource
import signal
from typing import Any

from prometheus_client import multiprocess

import emoscope.lean_imports  # noqa: F401 - before whatever imports redis and structlog
from emoscope.freed_memory import give_large_memory_back
from emoscope.pulse import make_pulse
from emoscope.settings import load_settings_or_exit

_OTHER_FILES = 1000
"""Open files besides connections: arriving bodies, database, queue, photos."""

_FIRST_BEAT_S = 0.01
_BEAT_EVERY_S = 1.0

_settings = load_settings_or_exit()


def _allow_connections(wanted: int) -> None:
    """Raise the limit of open files to one per connection. Many systems start a process with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


_allow_connections(_settings.max_connections + _OTHER_FILES)

bind = _settings.address
worker_class = "api.core.server.worker.ServerWorker"
workers = _settings.api_processes
# Watches only the event loop; requests run in threads and may take longer.
timeout = 120
# Long polls are answered at once on shutdown, so this is time for uploads and running threads.
graceful_timeout = 15
http_parser = "python"
asgi_loop = "asyncio"
keepalive = 5
# heartbeat files on a disk can block the process
worker_tmp_dir = "/dev/shm"  # noqa: S108  # memory, and Gunicorn makes the file safely
# EMOSCOPE_TRUSTED_PROXIES is applied in the application
forwarded_allow_ips = ""
accesslog = None
# we don't use Gunicorn's control socket in the home folder
control_socket_disable = True

# set in the parent; forked children inherit it
give_large_memory_back(1_048_576)


def post_fork(_server: Any, _worker: Any) -> None:
    """Load the application without garbage collections, which take a sixth of the time."""
    gc.disable()


def post_worker_init(_worker: Any) -> None:
    """Exclude the application's objects from garbage collection: they live until the process ends."""
    gc.collect()
    gc.freeze()
    gc.enable()


def when_ready(server: Any) -> None:
    """Start the main process's heartbeat, so that `emoscope up` notices when it hangs.

    Uses a timer, because threads and the later forks don't go together. Children don't inherit a timer.
    """
    server.pulse = make_pulse(_settings.data_dir, "api")
    signal.signal(signal.SIGALRM, lambda _number, _frame: server.pulse.beat())
    signal.setitimer(signal.ITIMER_REAL, _FIRST_BEAT_S, _BEAT_EVERY_S)


def on_exit(server: Any) -> None:
    """Remove the heartbeat when the main process stops normally."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    if hasattr(server, "pulse"):
        server.pulse.end()
    gc.freeze()  # no collection at exit: the system frees the memory at once


def child_exit(_server: Any, worker: Any) -> None:
    """Remove an ended process from the live gauges."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
