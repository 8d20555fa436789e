"""`emoscope retrain`: starts a training run, and follows it until the gate's decision."""

import contextlib
import time
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.markup import escape

from emoscope.cli.database import open_database
from emoscope.cli.operator import find_operator
from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_json, read_settings

if TYPE_CHECKING:
    from db.core.session import Database
    from db.training_runs.documents import RunProgress
    from db.training_runs.tables import TrainingRun

_POLL_S = 1.0


def retrain(
    *,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from new weights instead of the champion's.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Number of epochs. Default: that of the settings.")] = None,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="Only say what a run would train on and compare, and whether its result could be promoted."
        ),
    ] = False,
    as_json: AsJson = False,
    wait: Annotated[bool, typer.Option(help="Wait until the run has ended. Ctrl-C leaves it running.")] = True,
) -> None:
    """Train a challenger on the configured dataset and the reviewers' labels. It is put in service only if it is better.

    The training worker of `emoscope up`, or of the fleet, executes the run.
    """
    from api.core.queue import Queue, QueueUnavailable
    from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
    from db.training_runs.actions import start_run
    from db.training_runs.lifecycle import TrainingRunActive
    from db.training_runs.plan import DatasetFiles, PlanImpossible, plan_run

    if as_json and not plan:
        raise typer.BadParameter("--json goes with --plan")
    settings = read_settings()
    queue = Queue(settings.effective_redis_url)

    def send(run_id: UUID) -> None:
        with contextlib.suppress(QueueUnavailable):  # the sweeper sends it when the queue is back
            queue.send_run(run_id)

    with end_with_sentence(TrainingRunActive, PlanImpossible), open_database() as database:
        files = DatasetFiles.of(settings.dataset_csv, settings.dataset_votes)
        if plan:
            with database.read() as session:
                found = plan_run(session, files, from_scratch=from_scratch)
            if as_json:
                print_json(found.model_dump(mode="json"))
            else:
                out.print("\n".join(found.summary), soft_wrap=True)
            return
        started = start_run(
            database,
            send,
            files,
            TrainingTrigger.COMMAND,
            find_operator(),
            from_scratch=from_scratch,
            epochs=epochs,
        )
        queue.close()
        run_id = started.run.id
        for sentence in started.plan.summary:
            err.print(escape(sentence), soft_wrap=True)
        err.print(f"Training run {run_id} waits for the training worker.")
        if not wait:
            return
        run = _watch(database, run_id)
    out.print(f"[bold]{run.status}[/bold]: {escape(run.reason or run.error_detail or '')}")
    if run.status is TrainingRunStatus.FAILED:
        raise typer.Exit(1)


def _watch(database: "Database", run_id: UUID) -> "TrainingRun":
    """Show each step and finished epoch until the run has ended. Returns the run."""
    from db.training_runs.documents import RunProgress
    from db.training_runs.lifecycle import get_run
    from db.training_runs.states import ACTIVE_STATUSES

    said: set[str] = set()
    while True:
        with database.read() as session:
            run = get_run(session, run_id)
        for line in _describe(RunProgress.read(run.progress)):
            if line not in said:
                said.add(line)
                err.print(line)
        if run.status not in ACTIVE_STATUSES:
            return run
        time.sleep(_POLL_S)


def _describe(progress: "RunProgress") -> list[str]:
    lines = [
        f"epoch {point.epoch}: loss {_show(point.loss)}, accuracy {_show(point.accuracy)}, validation {_show(point.val_accuracy)}, "
        f"{point.seconds or 0:.0f} s"
        for point in progress.curve
    ]
    return [*lines, progress.step] if progress.step else lines


def _show(value: float | None) -> str:
    """Format a metric; None, as for a non-finite loss, as "none"."""
    return "none" if value is None else f"{value:.4f}"
