"""The Celery tasks: each a few lines that call what does the work.

What does the work is imported when its task first runs. Beat and the main processes of the workers load this file too, and run none
of the tasks: without the database's and the tasks' modules each of them takes 36 MB and half a second of processor time less.
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

_LOWEST_PRIORITY = 19


def find_services() -> "Services":
    """This process's services."""
    from worker.core.services import open_services

    return open_services()


@app.task(name=queues.ANALYZE)
def analyze(job_id: str) -> None:
    """Analyse the photo of one job, if it still waits."""
    from worker.analysis.job_runner import run_job
    from worker.analysis.process import current_process

    run_job(current_process(), UUID(job_id))


@app.task(name=queues.SWEEP)
def sweep() -> None:
    """Look after jobs that nobody looks after."""
    from worker.housekeeping.sweeper import sweep as sweep_once

    sweep_once(find_services())


@app.task(name=queues.SWEEP_PHOTOS)
def sweep_photos() -> None:
    """Delete photos that belong to no job."""
    from worker.housekeeping.sweeper import delete_unowned_photos

    delete_unowned_photos(find_services())


@app.task(name=queues.DELIVER_WEBHOOK)
def deliver_webhook(delivery_id: str) -> None:
    """Tell an endpoint of an event."""
    from worker.housekeeping.webhooks import deliver

    deliver(find_services(), UUID(delivery_id))


@app.task(name=queues.FETCH_PHOTOS)
def fetch_photos() -> None:
    """Fetch photos that jobs name by a URL."""
    from worker.housekeeping.fetching import fetch_due

    fetch_due(find_services())


@app.task(name=queues.WRITE_EXPORT)
def write_export(export_id: str) -> None:
    """Write the file of an export."""
    from worker.housekeeping.exports import write

    write(find_services(), UUID(export_id))


@app.task(name=queues.RETRAIN)
def retrain(run_id: str) -> None:
    """Train a challenger and let the gate decide, if the run still waits."""
    from worker.retraining.runner import run_retraining

    # Analysis comes first wherever both share a machine. The child ends with the run, and its priority with it.
    os.nice(_LOWEST_PRIORITY - os.nice(0))
    run_retraining(find_services(), UUID(run_id), name_this_process())


@app.task(name=queues.START_SCHEDULED_RUN)
def start_scheduled_run() -> None:
    """Start the training run that the schedule asks for."""
    from worker.retraining.schedule import start_scheduled_run as start_run_of_schedule

    start_run_of_schedule(find_services())


@signals.task_failure.connect
def on_task_failure(sender: object, task_id: str, **_: object) -> None:
    """A child died at a job or a training run, or one raised what nobody expected: let its lease run out now, not later.

    Runs in the worker's parent when a child was lost, in the child otherwise. The task's id is that of the job or run. The news
    may come late, when another child has the next attempt in hand: only the lease of a child that is gone is touched.
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
