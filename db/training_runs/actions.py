"""Starting a training run: the same rules whether the schedule, a command, the API or a page asks for it."""

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
    """A queued run, and what it will do."""

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
    """Queue a run and tell the training worker of it.

    send: sends the run's message after the commit; where it fails the sweeper sends it later. slot: the moment of the schedule that
    the run stands for.
    Raises PlanImpossible where a run would have nothing to train on or compare with, TrainingRunActive.
    """
    with database.write() as session:
        plan = plan_run(session, files, from_scratch=from_scratch)
        run = create_run(session, trigger, actor, from_scratch=from_scratch, epochs=epochs, slot=slot)
    send(run.id)
    return StartedRun(run, plan)
