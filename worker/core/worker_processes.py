"""Starts worker processes as forks of a process that has imported what they need, in place of fresh processes.

Celery starts them by billiard's start method `spawn`: a fresh Python with the descriptors that it needs. This module replaces the
function that starts the Python, and leaves everything else to billiard. A fork of the worker itself isn't possible: it has threads
and connections. Nothing heavy is imported at the top, since this module is imported in every role.
"""

import os
from collections.abc import Callable, Sequence

from emoscope.fork_client import IS_SUPPORTED, ForkFailed, ForkServer, fork_server
from emoscope.fork_server import CannotFork

_ANALYSIS_MODULES = (
    "emoscope.lean_imports",
    "celery.concurrency.prefork",
    "worker.core.app",
    "worker.core.tasks",
    "worker.core.lifecycle",
    "worker.core.stopping",
    "worker.analysis.process",
    "worker.analysis.job_runner",
)
"""No network is loaded and no connection opened at import. With another runtime its library is imported later, in each process."""

Spawn = Callable[[object, Sequence[str], Sequence[int]], int]


def fork_analysis_processes() -> None:
    """Let this process fork its worker processes. Call it while the process has nothing but its start: no thread, no connection.

    With a second thread, worker processes stay fresh ones. In the worker processes this call doesn't return: it raises SystemExit
    when they end.
    """
    if not IS_SUPPORTED:
        return
    try:
        server = fork_server(_ANALYSIS_MODULES)
    except CannotFork:
        return

    from billiard import popen_spawn_posix

    popen_spawn_posix.spawnv_passfds = make_spawn(server, popen_spawn_posix.spawnv_passfds)


def make_spawn(server: ForkServer, spawn_fresh: Spawn) -> Spawn:
    """Return a function like billiard's `spawnv_passfds` that forks, and starts fresh processes once forking has failed."""

    def spawn(path: object, command: Sequence[str], descriptors: Sequence[int]) -> int:
        if not server.is_gone:
            try:
                return server.start(command, os.environ, {number: number for number in descriptors})
            except ForkFailed as error:
                import structlog

                structlog.get_logger(__name__).warning("fork_server_failed", reason=str(error))
        return spawn_fresh(path, command, descriptors)

    return spawn
