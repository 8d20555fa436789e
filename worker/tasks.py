"""The Celery tasks: each a few lines that call what does the work."""

from uuid import UUID

from celery import signals

from db.jobs import expire_lease
from worker import names
from worker.app import app
from worker.child import current_child
from worker.job_run import run_job
from worker.services import open_services
from worker.sweeper import sweep as sweep_once
from worker.webhooks import deliver


@app.task(name=names.ANALYZE)
def analyze(job_id: str) -> None:
    """Analyse the photo of one job, if it still waits."""
    run_job(current_child(), UUID(job_id))


@app.task(name=names.SWEEP)
def sweep() -> None:
    """Look after jobs that nobody looks after."""
    sweep_once(open_services())


@app.task(name=names.DELIVER_CALLBACK)
def deliver_callback(job_id: str) -> None:
    """Tell an application that its job has ended."""
    deliver(open_services(), UUID(job_id))


@signals.task_failure.connect
def on_task_failure(sender: object, task_id: str, **_: object) -> None:
    """A child died at a job, or a job raised what nobody expected: let its lease run out now, not in half a minute.

    Runs in the worker's parent when a child was lost, in the child otherwise. The job's id is the task's id.
    """
    if getattr(sender, "name", None) != names.ANALYZE:
        return
    services = open_services()
    with services.database.write() as session:
        had_lease = expire_lease(session, UUID(task_id))
    if had_lease:
        sweep.delay()
