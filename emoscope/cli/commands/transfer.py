"""`emoscope transfer`: copies an installation to this one."""

from pathlib import Path
from typing import Annotated

import typer

from emoscope.cli.terminal import end_with_sentence, err, print_json, read_settings, say_step

STATE = "transfer.json"
"""In the source's data folder: marks a started transfer."""


def transfer(
    source: Annotated[Path, typer.Option("--from", help="Data folder of the installation to move, stopped.")],
) -> None:
    """Copy another installation's database and files to the one in the settings, and compare both.

    The source is the data folder of a one-machine stack. Stop both sides first. To resume an interrupted transfer, start it
    again.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from db.core.blobs import BlobStore, BlobStoreUnavailable
    from db.core.session import Database
    from db.moving.errors import CannotMove
    from db.moving.transfer import Side
    from db.moving.transfer import transfer as transfer_everything
    from emoscope.settings import Settings
    from emoscope.stack.status import read_status

    settings = read_settings()
    origin = Settings(_env_file=None, data_dir=source, database_url="", blob_url="")
    if not (source / "emoscope.db").is_file():
        err.print(
            f"[bold red]Error:[/bold red] {source} has no emoscope.db: name the data folder of a one-machine stack"
        )
        raise typer.Exit(1)
    if read_status(origin.stack_socket) is not None:
        err.print(f"[bold red]Error:[/bold red] a stack runs on {source}: stop it first")
        raise typer.Exit(1)
    if origin.effective_database_url == settings.effective_database_url:
        err.print(
            "[bold red]Error:[/bold red] source and target are the same: set EMOSCOPE_DATABASE_URL and EMOSCOPE_BLOB_URL"
        )
        raise typer.Exit(1)
    here, there = (
        Side(Database(each.effective_database_url), BlobStore(each.effective_blob_url, each.s3_options))
        for each in (origin, settings)
    )
    with end_with_sentence(CannotMove, BlobStoreUnavailable, SQLAlchemyError):
        report = transfer_everything(here, there, source / STATE, say_step)
    if report.missing:
        err.print(f"{len(report.missing):,} photos were missing at the source; their jobs report them as deleted")
    rows = {name: {"rows": count, "sha256": digest} for name, (count, digest) in report.tables.items()}
    print_json(
        {"tables": rows, "files": report.files, "bytes": report.file_bytes, "missing_photos": len(report.missing)}
    )
