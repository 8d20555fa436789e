"""Starts a worker or beat for `emoscope up`: `python -P -m worker.core.run ROLE [--log-level LEVEL]`.

The command `celery` does the same with options for everything, and imports a shell with completion and colours for it: 7 MB and
0.1 s in each process, worker processes too, since they import what their main process was started by. So nothing is imported at
the top of this file.
"""

import argparse
import sys
from typing import Any

ROLES = ("analysis", "housekeeping", "training", "beat")
_HOUSEKEEPING_THREADS = 16


def main(arguments: list[str]) -> int:
    """Run until told to stop. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--log-level", default="INFO")
    given = parser.parse_args(arguments)
    if given.role == "analysis":
        from worker.core.worker_processes import fork_analysis_processes

        fork_analysis_processes()
    return run_beat(given.log_level) if given.role == "beat" else run_worker(given.role, given.log_level)


def run_beat(log_level: str) -> int:
    """Send what is due, until told to stop."""
    from worker.core.app import app

    app.Beat(loglevel=log_level).run()
    return 0


def run_worker(role: str, log_level: str) -> int:
    """Take messages of the role's queues, until told to stop. Returns the exit status."""
    from celery.utils.nodenames import default_nodename, host_format

    from worker.core.app import app

    worker = app.Worker(
        hostname=host_format(default_nodename(f"{role}@%h")),
        loglevel=log_level,
        # No worker asks another for anything.
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        **_make_options(role),
    )
    worker.start()
    return int(worker.exitcode or 0)


def _make_options(role: str) -> dict[str, Any]:
    from db.core import queues

    match role:
        case "analysis":
            return {"queues": [queues.ANALYSIS_QUEUE, queues.BULK_QUEUE]}
        case "housekeeping":
            read = [queues.HOUSEKEEPING_QUEUE, queues.CALLBACK_QUEUE]
            return {"queues": read, "pool_cls": "threads", "concurrency": _HOUSEKEEPING_THREADS}
        case _:
            # One run at a time. Its process ends with it, and TensorFlow's memory with the process.
            return {"queues": [queues.TRAINING_QUEUE], "concurrency": 1, "max_tasks_per_child": 1}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
