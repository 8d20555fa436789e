"""`emoscope retrain`: start a training run, and watch it until the gate has decided."""

import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape

from emoscope.cli.database import open_database
from emoscope.cli.operator import find_operator
from emoscope.cli.terminal import end_with_sentence, err, out, read_settings

if TYPE_CHECKING:
    from db.core.session import Database
    from db.training_runs.tables import TrainingRun

_POLL_S = 1.0


class NoDataset(Exception):
    """There is no dataset to learn from."""


def retrain(
    *,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Begin with fresh weights in place of the champion's.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs, in place of what the settings say.")] = None,
    wait: Annotated[bool, typer.Option(help="Stay until the run has ended. Ctrl-C leaves it running.")] = True,
) -> None:
    """Train a challenger on the configured dataset and the reviewers' labels. It is put in service only if it is better.

    The training worker does it: the one of `emoscope up`, or of the fleet.
    """
    from api.core.queue import Queue, QueueUnavailable
    from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
    from db.training_runs.lifecycle import TrainingRunActive, create_run

    settings = read_settings()
    with end_with_sentence(TrainingRunActive, NoDataset), open_database() as database:
        if settings.dataset_csv is None:
            raise NoDataset(
                "name the prepared CSV in EMOSCOPE_DATASET_CSV, for this command and for the training worker"
            )
        with database.write() as session:
            run_id = create_run(
                session, TrainingTrigger.COMMAND, find_operator(), from_scratch=from_scratch, epochs=epochs
            ).id
        queue = Queue(settings.broker_url)
        with contextlib.suppress(QueueUnavailable):  # the sweeper sends it when the queue is back
            queue.send_run(run_id)
        queue.close()
        err.print(f"Training run {run_id} waits for the training worker.")
        if not wait:
            return
        run = _watch(database, run_id)
    out.print(f"[bold]{run.status}[/bold]: {escape(run.reason or run.error_detail or '')}")
    if run.status is TrainingRunStatus.FAILED:
        raise typer.Exit(1)


def _watch(database: "Database", run_id: UUID) -> "TrainingRun":
    """Show each step and each finished epoch until the run has ended. Returns it."""
    from db.training_runs.lifecycle import get_run
    from db.training_runs.states import ACTIVE_STATUSES

    said: set[str] = set()
    while True:
        with database.read() as session:
            run = get_run(session, run_id)
        for line in _describe(run.progress or {}):
            if line not in said:
                said.add(line)
                err.print(line)
        if run.status not in ACTIVE_STATUSES:
            return run
        time.sleep(_POLL_S)


def _describe(progress: dict[str, Any]) -> list[str]:
    lines = [
        f"epoch {point['epoch']}: loss {point['loss']:.4f}, accuracy {point['accuracy']:.4f}, "
        f"held out {point['val_accuracy']:.4f}, {point['seconds']:.0f} s"
        for point in progress.get("curve", ())
    ]
    return [*lines, *([str(progress["step"])] if "step" in progress else [])]
