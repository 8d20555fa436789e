"""The Celery tasks, each a few lines that call a service function.

Those functions are imported when a task first runs. Beat and the main processes import this module too but run no tasks: without
the modules of database and tasks, each saves 36 MB and half a second of processor time.
"""

import os
from typing import TYPE_CHECKING
from uuid import UUID

from celery import signals

from db.core import queues
from worker.core.app import app
from worker.core.identity import is_gone, name_this_process

if TYPE_CHECKING:
    from worker.core.services import Services


def find_services() -> "Services":
    """Return this process's services."""
    from worker.core.services import open_services

    return open_services()


@app.task(name=queues.ANALYZE)
def analyze(job_id: str) -> None:
    """Analyse the photo of one job, if it is still queued."""
    from worker.analysis.job_runner import run_job
    from worker.analysis.process import current_process

    run_job(current_process(), UUID(job_id))


@app.task(name=queues.SWEEP)
def sweep() -> None:
    """Run a sweep."""
    from worker.housekeeping.sweeper import sweep as sweep_once

    sweep_once(find_services())


@app.task(name=queues.SWEEP_PHOTOS)
def sweep_photos() -> None:
    """Delete photos that belong to no job."""
    from worker.housekeeping.sweeper import delete_unowned_photos

    delete_unowned_photos(find_services())


@app.task(name=queues.DELIVER_WEBHOOK)
def deliver_webhook(delivery_id: str) -> None:
    """Deliver an event to an endpoint."""
    from worker.housekeeping.webhooks import deliver

    deliver(find_services(), UUID(delivery_id))


@app.task(name=queues.FETCH_PHOTOS)
def fetch_photos() -> None:
    """Fetch photos submitted by URL."""
    from worker.housekeeping.fetching import fetch_due

    fetch_due(find_services())


@app.task(name=queues.WRITE_EXPORT)
def write_export(export_id: str) -> None:
    """Write the file of an export."""
    from worker.housekeeping.exports import write

    write(find_services(), UUID(export_id))


@app.task(name=queues.RETRAIN)
def retrain(run_id: str) -> None:
    """Train a challenger and let the gate decide, if the run is still queued."""
    from worker.retraining.runner import run_retraining

    services = find_services()
    # Analysis has priority on a shared machine. The process ends with the run, and its priority with it.
    os.nice(max(0, services.settings.retrain_niceness - os.nice(0)))
    run_retraining(services, UUID(run_id), name_this_process())


@app.task(name=queues.START_SCHEDULED_RUN)
def start_scheduled_run() -> None:
    """Start the training run that is due by the schedule."""
    from worker.retraining.schedule import start_scheduled_run as start_run_of_schedule

    start_run_of_schedule(find_services())


@signals.task_failure.connect
def on_task_failure(sender: object, task_id: str, **_: object) -> None:
    """After an unexpected failure of a job or training run, or the death of its process: expire its lease now.

    Runs in the worker's main process if a process was lost, otherwise in the process itself. The task's id is that of the job or
    run. The signal may come late, when another process has the next attempt: only leases of dead processes are expired.
    """
    name = getattr(sender, "name", "")
    if name not in {queues.ANALYZE, queues.RETRAIN}:
        return
    from db.jobs.sweeping import expire_lease
    from db.training_runs.sweeping import expire_run_lease

    expire = expire_lease if name == queues.ANALYZE else expire_run_lease
    services = find_services()
    with services.database.write() as session:
        had_lease = expire(session, UUID(task_id), lambda holder: holder == name_this_process() or is_gone(holder))
    if had_lease:
        sweep.delay()
