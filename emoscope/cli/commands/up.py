"""`emoscope up`: runs the whole service on this machine until Ctrl-C."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from emoscope.cli.program import name_program
from emoscope.cli.terminal import end_with_sentence, out, read_settings, say_step, warn_of_unknown_variables

if TYPE_CHECKING:
    from emoscope.settings import Settings
    from emoscope_client.address import Address


def up(
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on. Addresses other than loopback accept connections from other machines."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for the database, photos, models and logs.")] = None,
) -> None:
    """Run the whole service on this machine: queue, database, API, workers and schedule. Ctrl-C stops it.

    Processes that end unexpectedly are restarted. Closing the terminal also stops everything; use nohup to keep it running.
    """
    gc.disable()  # this process is replaced by the supervisor within a second
    from emoscope.stack.embedded import become_supervisor
    from emoscope.stack.preparation import StackError, prepare_stack

    settings = read_settings(host=host, port=port, data_dir=data_dir)
    warn_of_unknown_variables()
    with end_with_sentence(StackError):
        prepared = prepare_stack(settings, say_step, lambda client: _write_greeting(settings, client))
    say_step("starting the API and the workers")
    become_supervisor(prepared)


def _write_greeting(settings: "Settings", client: "Address") -> str:
    url, program = client.api_url, name_program()
    with out.capture() as captured:
        for sentence in (
            f"Emoscope runs at [bold]{url}[/bold] (API docs: {url}/docs). Its data is in {escape(str(settings.data_dir))}.",
            f"Pages for administrators: {url}/sign-in, after [bold]{program} user create NAME --role administrator[/bold].",
            f"Try it from another terminal: [bold]{program} analyze PHOTO...[/bold]    Stop it with Ctrl-C.",
        ):
            out.print(sentence, soft_wrap=True)
    return captured.get()
