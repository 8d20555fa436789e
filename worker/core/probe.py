"""Health probe for containers: `python -m worker.core.probe [ROLE]` exits with 0 if the worker of that role on this machine works.

ROLE: `analysis` (default), `housekeeping`, `training` or `beat`.
"""

import socket
import sys

from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.monitoring.heartbeats import list_live_workers
from emoscope.pulse import has_pulse
from emoscope.settings import Settings, load_settings_or_exit


def has_ready_process(settings: Settings) -> bool:
    """Return whether a process on this machine recently reported ready. Raises SQLAlchemyError if the database is down."""
    database = Database(settings.effective_database_url)
    try:
        with database.read() as session:
            live = list_live_workers(session, settings.worker_heartbeat_s)
    finally:
        database.close()
    mine = f"{socket.gethostname()}:"
    return any(worker.state is WorkerState.READY and worker.name.startswith(mine) for worker in live)


def is_working(settings: Settings, role: str) -> bool:
    """Return whether the main process of that role responds and, for analysis, a worker process is ready.

    Raises SQLAlchemyError if the database is down.
    """
    return has_pulse(settings.data_dir, role) and (role != "analysis" or has_ready_process(settings))


if __name__ == "__main__":
    sys.exit(0 if is_working(load_settings_or_exit(), *(sys.argv[1:] or ["analysis"])) else 1)
