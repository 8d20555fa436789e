"""`emoscope run`: lists and shows training runs."""

from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from emoscope.cli.database import open_database
from emoscope.cli.terminal import AsJson, end_with_sentence, out, print_json, print_schemas

app = typer.Typer(help="List and show training runs.", no_args_is_help=True)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of runs.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List training runs, newest first: how each was started, and its result."""
    from api.training_runs.routes import run_to_schema
    from db.training_runs.corrections import count_corrections
    from db.training_runs.lifecycle import list_runs

    with open_database() as database, database.read() as session:
        found = [run_to_schema(run, count_corrections(session, run.id)) for run in list_runs(session, limit=limit)]
    if as_json:
        print_schemas(found)
        return
    table = Table("run", "status", "started by", "to beat", "made", "why", "when (UTC)")
    for run in found:
        made = "" if run.challenger is None else str(run.challenger)
        champion = "" if run.champion is None else str(run.champion)
        why = escape(run.reason or run.error_detail or "")
        table.add_row(
            str(run.id), run.status, escape(run.actor), champion, made, why, f"{run.created_at:%Y-%m-%d %H:%M}"
        )
    out.print(table)


@app.command()
def show(
    run_id: Annotated[UUID, typer.Argument(metavar="RUN", help="Id of the run, as `emoscope run list` shows.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a training run: its progress, the gate's decision, why it ended."""
    from api.training_runs.routes import run_to_schema
    from db.training_runs.corrections import count_corrections
    from db.training_runs.lifecycle import UnknownTrainingRun, get_run

    with end_with_sentence(UnknownTrainingRun), open_database() as database, database.read() as session:
        run = run_to_schema(get_run(session, run_id), count_corrections(session, run_id))
    if as_json:
        print_json(run.model_dump(mode="json"))
        return
    out.print(f"[bold]{run.status}[/bold]: {escape(run.reason or run.error_detail or '')}", soft_wrap=True)
    if run.progress is not None and run.progress.step:
        out.print(escape(run.progress.step), soft_wrap=True)
    if run.gate is not None:
        table = Table("check", "passed", "detail")
        for check in run.gate.decision.checks:
            table.add_row(escape(check.name), "yes" if check.is_passed else "no", escape(check.reason))
        out.print(table)
