"""`emoscope models`: lists model versions and selects the one in service."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from emoscope.cli.database import open_database
from emoscope.cli.operator import find_operator
from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_schemas

app = typer.Typer(help="List model versions and choose the one in service.", no_args_is_help=True)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List all versions, newest first, with their metrics. The one in service has a star.

    Metrics are of the last split on which a version was evaluated: `votes` is the accuracy against the majority of votes,
    `hard labels` against the CSV's label. Macro-F1 is against the votes if there are any.
    """
    from api.model_versions.metric_charts import list_metrics
    from db.model_versions import actions as model_versions

    if as_json:
        from api.model_versions.routes import list_version_schemas

        with open_database() as database, database.read() as session:
            print_schemas(list_version_schemas(session))
        return
    table = Table("version", "name", "network", "votes", "hard labels", "macro-F1", "registered")
    with open_database() as database, database.read() as session:
        champion = model_versions.get_champion(session)
        for version in model_versions.list_versions(session):
            is_champion = champion is not None and champion.id == version.id
            figures = {found.truth: found.numbers for found in list_metrics(version.document)}
            votes, single = figures.get("ferplus"), figures.get("fer2013")
            best = votes or single
            table.add_row(
                f"{version.number} *" if is_champion else str(version.number),
                escape(version.name),
                version.architecture,
                f"{votes['accuracy']:.3f}" if votes else "",
                f"{single['accuracy']:.3f}" if single else "",
                f"{best['macro_f1']:.3f}" if best else "",
                f"{version.created_at:%Y-%m-%d}",
            )
    out.print(table)


@app.command()
def promote(
    number: Annotated[int, typer.Argument(help="Number of the version to put in service.")],
    reason: Annotated[str, typer.Option(help="Why, for the history.")],
) -> None:
    """Put a version in service. Workers load it within seconds, between jobs."""
    from db.model_versions import actions as model_versions

    with (
        end_with_sentence(model_versions.UnknownModelVersion),
        open_database() as database,
        database.write() as session,
    ):
        version = model_versions.get_version(session, number)
        moved = model_versions.promote(session, version, find_operator(), reason)
    err.print(f"Version {number} is in service." if moved else f"Version {number} was in service already.")


@app.command()
def rollback(reason: Annotated[str, typer.Option(help="Why, for the history.")]) -> None:
    """Put the version in service that was in service before the champion."""
    from db.model_versions import actions as model_versions

    with (
        end_with_sentence(model_versions.NothingToRollBack),
        open_database() as database,
        database.write() as session,
    ):
        version, _ = model_versions.roll_back(session, find_operator(), reason)
        number = version.number
    err.print(f"Version {number} is in service again.")


@app.command()
def shadow(
    number: Annotated[int, typer.Argument(help="Number of the version to run beside the champion.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")],
) -> None:
    """Run a version in shadow mode: it classifies live faces for comparison, and applications don't see its predictions."""
    from db.model_versions import actions as model_versions
    from db.model_versions import shadow as shadow_mode

    with (
        end_with_sentence(model_versions.UnknownModelVersion, shadow_mode.AlreadyInService),
        open_database() as database,
        database.write() as session,
    ):
        version = model_versions.get_version(session, number)
        is_new = shadow_mode.start_shadow(session, version, find_operator(), reason)
    err.print(f"Version {number} runs in shadow mode{'' if is_new else ' already'}.")


@app.command()
def unshadow() -> None:
    """End shadow mode. The challenger's predictions are kept for comparison."""
    from db.model_versions import shadow as shadow_mode

    with (
        end_with_sentence(shadow_mode.NoChallenger),
        open_database() as database,
        database.write() as session,
    ):
        number = shadow_mode.stop_shadow(session, find_operator()).number
    err.print(f"Version {number} no longer runs in shadow mode.")


@app.command()
def history(*, as_json: AsJson = False) -> None:
    """List every change of the version in service: when, who, why; newest first."""
    from db.model_versions import actions as model_versions

    if as_json:
        from api.model_versions.promotion_routes import list_promotion_schemas

        with open_database() as database, database.read() as session:
            print_schemas(list_promotion_schemas(session))
        return
    table = Table("when", "from", "to", "who", "why")
    with open_database() as database, database.read() as session:
        numbers = {version.id: str(version.number) for version in model_versions.list_versions(session)}
        for move in model_versions.list_promotions(session):
            before = numbers[move.from_version_id] if move.from_version_id else ""
            table.add_row(
                f"{move.at:%Y-%m-%d %H:%M}",
                before,
                numbers[move.to_version_id],
                escape(move.actor),
                escape(move.reason),
            )
    out.print(table)
