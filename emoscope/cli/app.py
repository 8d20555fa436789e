"""The command line. Each command is a module in `commands/` and imports its dependencies when it runs, so that help is fast."""

import inspect
from importlib.metadata import version
from typing import Annotated

import typer

from emoscope.cli.commands import (
    analyze,
    backup,
    batches,
    dataset,
    demo,
    doctor,
    evaluate,
    export,
    jobs,
    keys,
    migrate,
    models,
    purge,
    retrain,
    runs,
    train,
    transfer,
    up,
    users,
    webhooks,
)
from emoscope.settings.problems import InvalidSettings, exit_with

app = typer.Typer(
    name="emoscope",
    help="Find the faces in photos, and say which emotion each appears to express.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("analyze")(analyze.analyze)
app.command("export")(export.export)
app.command("doctor")(doctor.doctor)
app.command("migrate")(migrate.migrate)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("transfer")(transfer.transfer)
app.command("purge")(purge.purge)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("retrain")(retrain.retrain)
app.add_typer(jobs.app, name="job")
app.add_typer(batches.app, name="batch")
app.add_typer(keys.app, name="key")
app.add_typer(runs.app, name="run")
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")
app.add_typer(users.app, name="user")
app.add_typer(webhooks.app, name="webhook")


def _show_whole_sentences(group: typer.Typer) -> None:
    """Use the first line of each help text in lists of commands. Click would cut it off after 45 characters."""
    for command in group.registered_commands:
        command.short_help = (inspect.getdoc(command.callback) or "").partition("\n")[0]
    for subgroup in group.registered_groups:
        assert subgroup.typer_instance is not None  # add_typer sets it
        subgroup.short_help = subgroup.typer_instance.info.help
        _show_whole_sentences(subgroup.typer_instance)


_show_whole_sentences(app)


def _show_version(is_wanted: bool) -> None:  # noqa: FBT001 - Typer's signature
    if is_wanted:
        typer.echo(version("emoscope"))
        raise typer.Exit


@app.callback()
def _read_common_options(
    is_version_wanted: Annotated[  # noqa: FBT002 - Typer's signature
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find the faces in photos, and say which emotion each appears to express."""


def main() -> None:
    """Run the command given by the arguments."""
    try:
        app()
    except InvalidSettings as error:
        exit_with(error)
