"""The Celery tasks: each a few lines that call what does the work.

What only one kind of worker needs is imported when its task runs: the housekeeper has no use for OpenCV.
"""

import os
from uuid import UUID

from celery import signals

from db.core import queues
from db.jobs.sweeping import expire_lease
from db.training_runs.sweeping import expire_run_lease
from worker.core.app import app
from worker.core.identity import is_gone, name_this_process
from worker.core.services import open_services
from worker.housekeeping.exports import write as write_export_file
from worker.housekeeping.fetching import fetch_due
from worker.housekeeping.sweeper import delete_unowned_photos
from worker.housekeeping.sweeper import sweep as sweep_once
from worker.housekeeping.webhooks import deliver
from worker.retraining.schedule import start_scheduled_run as start_run_of_schedule

_LOWEST_PRIORITY = 19


@app.task(name=queues.ANALYZE)
def analyze(job_id: str) -> None:
    """Analyse the photo of one job, if it still waits."""
    from worker.analysis.job_runner import run_job
    from worker.analysis.process import current_process

    run_job(current_process(), UUID(job_id))


@app.task(name=queues.SWEEP)
def sweep() -> None:
    """Look after jobs that nobody looks after."""
    sweep_once(open_services())


@app.task(name=queues.SWEEP_PHOTOS)
def sweep_photos() -> None:
    """Delete photos that belong to no job."""
    delete_unowned_photos(open_services())


@app.task(name=queues.DELIVER_WEBHOOK)
def deliver_webhook(delivery_id: str) -> None:
    """Tell an endpoint of an event."""
    deliver(open_services(), UUID(delivery_id))


@app.task(name=queues.FETCH_PHOTOS)
def fetch_photos() -> None:
    """Fetch photos that jobs name by a URL."""
    fetch_due(open_services())


@app.task(name=queues.WRITE_EXPORT)
def write_export(export_id: str) -> None:
    """Write the file of an export."""
    write_export_file(open_services(), UUID(export_id))


@app.task(name=queues.RETRAIN)
def retrain(run_id: str) -> None:
    """Train a challenger and let the gate decide, if the run still waits."""
    from worker.retraining.runner import run_retraining

    # Analysis comes first wherever both share a machine. The child ends with the run, and its priority with it.
    os.nice(_LOWEST_PRIORITY - os.nice(0))
    run_retraining(open_services(), UUID(run_id), name_this_process())


@app.task(name=queues.START_SCHEDULED_RUN)
def start_scheduled_run() -> None:
    """Start the training run that the schedule asks for."""
    start_run_of_schedule(open_services())


@signals.task_failure.connect
def on_task_failure(sender: object, task_id: str, **_: object) -> None:
    """A child died at a job or a training run, or one raised what nobody expected: let its lease run out now, not later.

    Runs in the worker's parent when a child was lost, in the child otherwise. The task's id is that of the job or run. The news
    may come late, when another child has the next attempt in hand: only the lease of a child that is gone is touched.
    """
    expire = {queues.ANALYZE: expire_lease, queues.RETRAIN: expire_run_lease}.get(getattr(sender, "name", ""))
    if expire is None:
        return
    services = open_services()
    with services.database.write() as session:
        had_lease = expire(session, UUID(task_id), lambda name: name == name_this_process() or is_gone(name))
    if had_lease:
        sweep.delay()
