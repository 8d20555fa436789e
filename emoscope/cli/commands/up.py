"""`emoscope up`: the whole service on this machine, until Ctrl-C."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from emoscope.cli.program import name_program
from emoscope.cli.terminal import end_with_sentence, out, read_settings, say_step


def up(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Anything but loopback lets others in.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for the database, queue, photos, models and logs.")
    ] = None,
) -> None:
    """Run the whole service on this machine: queue, database, API, workers and schedule. Ctrl-C stops it.

    So does closing its terminal; nohup keeps it running.
    """
    from emoscope.stack.embedded import Stack, StackError

    settings = read_settings(host=host, port=port, data_dir=data_dir)
    with end_with_sentence(StackError), Stack(settings, say_step) as stack:
        assert stack.client is not None
        url, program = stack.client.api_url, name_program()
        with contextlib.suppress(KeyboardInterrupt):
            for sentence in (
                f"Emoscope runs at [bold]{url}[/bold] (API docs: {url}/docs). Its data is in {settings.data_dir}.",
                f"Pages for administrators: {url}/sign-in, after [bold]{program} user create NAME --role administrator[/bold].",
                f"Try it from another terminal: [bold]{program} analyze PHOTO...[/bold]    Stop it with Ctrl-C.",
            ):
                out.print(sentence, soft_wrap=True)
            stack.wait()
        with contextlib.suppress(OSError):  # its terminal may be gone
            say_step("stopping")
