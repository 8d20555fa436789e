"""Starts a training run for a route or a page."""

from typing import Any
from uuid import UUID

import structlog

from api.core.queue import QueueUnavailable
from api.core.services import get_services
from db.core.actors import Actor
from db.core.vocabulary import TrainingTrigger
from db.training_runs.actions import StartedRun, start_run
from db.training_runs.plan import DatasetFiles

log = structlog.get_logger(__name__)


def start_training_run(trigger: TrainingTrigger, actor: Actor, **options: Any) -> StartedRun:
    """Start a run with the service's configuration. Raises as start_run does. options: `from_scratch` and `epochs`."""
    services = get_services()

    def send(run_id: UUID) -> None:
        try:
            services.queue.send_run(run_id)
        except QueueUnavailable as error:
            log.warning("run_not_sent", run_id=str(run_id), reason=str(error))  # the sweeper sends the message

    return start_run(services.database, send, find_dataset_files(), trigger, actor, **options)


def find_dataset_files() -> DatasetFiles:
    """Return the dataset files that are configured."""
    settings = get_services().settings
    return DatasetFiles.of(settings.dataset_csv, settings.dataset_votes)
