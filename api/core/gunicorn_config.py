"""Gunicorn's configuration, taken from our own settings."""

import gc
import os
import resource
import signal
from typing import Any

from prometheus_client import multiprocess

from emoscope.freed_memory import give_large_memory_back
from emoscope.pulse import make_pulse
from emoscope.settings import load_settings_or_exit

_OTHER_FILES = 1000
"""Besides connections: bodies that arrive, the database, the queue, photos."""

_FIRST_BEAT_S = 0.01
_BEAT_EVERY_S = 1.0

_settings = load_settings_or_exit()


def _allow_connections(wanted: int) -> None:
    """Let the process have a file for each connection: many systems give it 1,024 unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


_allow_connections(_settings.max_connections + _OTHER_FILES)

bind = _settings.address
worker_class = "api.core.server.worker.ServerWorker"
workers = _settings.api_processes
# for a process whose event loop has stopped moving; what requests do in threads doesn't count
timeout = 120
# Waiting requests are answered at once at a stop. This is for uploads and for what threads are at.
graceful_timeout = 15
http_parser = "python"
asgi_loop = "asyncio"
keepalive = 5
# heartbeat files on a disk can block a process that waits for it
worker_tmp_dir = "/dev/shm"  # noqa: S108  # memory, and Gunicorn makes the file safely
# how many proxies count is settled by EMOSCOPE_TRUSTED_PROXIES, in the application
forwarded_allow_ips = ""
accesslog = None
# a socket in the home folder that nobody of us talks to
control_socket_disable = True

# in the parent: its children are forked and keep it
give_large_memory_back(1_048_576)


def post_worker_init(_worker: Any) -> None:
    """Let the garbage collector leave alone what the application is made of: it stays until the process ends."""
    gc.collect()
    gc.freeze()


def when_ready(server: Any) -> None:
    """Give the main process a pulse, so that `emoscope up` sees when it hangs.

    By a timer, since a thread doesn't go well with the forks that follow. Children don't inherit a timer.
    """
    server.pulse = make_pulse(_settings.data_dir, "api")
    signal.signal(signal.SIGALRM, lambda _number, _frame: server.pulse.beat())
    signal.setitimer(signal.ITIMER_REAL, _FIRST_BEAT_S, _BEAT_EVERY_S)


def on_exit(server: Any) -> None:
    """End the pulse of a main process that stops in order."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    if hasattr(server, "pulse"):
        server.pulse.end()
    gc.freeze()  # what is left is freed by the system, at once


def child_exit(_server: Any, worker: Any) -> None:
    """Take a process that ended out of the live gauges."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
