"""Starts training runs, for schedule, command, API and page alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import TrainingTrigger
from db.training_runs.lifecycle import create_run
from db.training_runs.plan import DatasetFiles, RunPlan, plan_run
from db.training_runs.tables import TrainingRun


@dataclass(frozen=True)
class StartedRun:
    """A queued run and its plan."""

    run: TrainingRun
    plan: RunPlan


def start_run(
    database: Database,
    send: Callable[[UUID], object],
    files: DatasetFiles,
    trigger: TrainingTrigger,
    actor: Actor,
    *,
    from_scratch: bool = False,
    epochs: int | None = None,
    slot: datetime | None = None,
) -> StartedRun:
    """Queue a run and send its message to the training worker.

    send: sends the message after the commit; if it fails, the sweeper sends it later.
    slot: time of the schedule for which the run is started.
    Raises PlanImpossible if there is nothing to train on or to compare with, TrainingRunActive.
    """
    with database.write() as session:
        plan = plan_run(session, files, from_scratch=from_scratch)
        run = create_run(session, trigger, actor, from_scratch=from_scratch, epochs=epochs, slot=slot)
    send(run.id)
    return StartedRun(run, plan)
