"""Opens the database for commands; errors end the command with a message."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from emoscope.cli.program import name_program
from emoscope.cli.terminal import err, read_settings
from emoscope.private_files import keep_private

if TYPE_CHECKING:
    from db.core.session import Database


@contextmanager
def open_database() -> Iterator["Database"]:
    """Return the database of the settings. Exits with status 1 and advice if it is unreachable or has no schema yet."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from db.core.session import Database

    keep_private()
    database = Database(read_settings().effective_database_url)
    try:
        yield database
    except (OperationalError, ProgrammingError) as error:
        url = database.engine.url.render_as_string(hide_password=True)
        err.print(
            f"[bold red]Error:[/bold red] the database at {url} can't be used: {error.orig}. If it is new, start a stack "
            f"with `{name_program()} up`, or bring it up to date with `{name_program()} migrate`."
        )
        raise typer.Exit(1) from error
    finally:
        database.close()
