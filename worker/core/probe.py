"""`python -m worker.core.probe`: exits with 0 if a worker child on this machine is ready. For container health checks."""

import socket
import sys

from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.monitoring.heartbeats import list_live_workers
from emoscope.settings import Settings, load_settings


def has_ready_process(settings: Settings) -> bool:
    """Whether a child on this machine said lately that it is ready. Raises SQLAlchemyError if the database is away."""
    database = Database(settings.effective_database_url)
    try:
        with database.read() as session:
            live = list_live_workers(session, settings.worker_heartbeat_s)
    finally:
        database.close()
    mine = f"{socket.gethostname()}:"
    return any(worker.state is WorkerState.READY and worker.name.startswith(mine) for worker in live)


if __name__ == "__main__":
    sys.exit(0 if has_ready_process(load_settings()) else 1)
