"""`emoscope export`: exports results to a file."""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.core.vocabulary import Emotion, ExportFormat, ExportRows, JobStatus
from emoscope.cli.client import open_client
from emoscope.cli.terminal import end_with_sentence, err
from emoscope_client import ApiError, Client, EmoscopeError, Export

_HOLD_S = 2.0
"""Interval of progress updates."""
_STREAM = "-"


class ExportFailed(EmoscopeError):
    """There is no file, or it differs from what the service wrote."""

    code = "export_failed"


def export(
    file: Annotated[str, typer.Argument(help="The file to write; - for standard output.")] = _STREAM,
    rows: Annotated[ExportRows, typer.Option(help="One row per face, or per job.")] = ExportRows.FACES,
    output: Annotated[ExportFormat, typer.Option("--format", "-f", help="Format of the file.")] = ExportFormat.CSV,
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs with this status.")] = None,
    emotion: Annotated[
        Emotion | None, typer.Option(help="Only jobs with a face that appears to express this, and only such faces.")
    ] = None,
    error_code: Annotated[str | None, typer.Option(help="Only jobs that ended with this error code.")] = None,
    batch: Annotated[UUID | None, typer.Option(help="Only jobs of this batch.")] = None,
    application: Annotated[
        str | None,
        typer.Option(help="Jobs of this application, or `all`. Any other than the key's own needs the scope `admin`."),
    ] = None,
    created_from: Annotated[
        datetime | None, typer.Option(help="Only jobs created at this time or later, in this machine's time zone.")
    ] = None,
    created_before: Annotated[datetime | None, typer.Option(help="Only jobs created before this time.")] = None,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="As --format csv.")] = False,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="As --format jsonl.")] = False,
) -> None:
    """Write results as CSV or JSON Lines, newest job first.

    Small exports are streamed. For a large one the service writes a file first, which is deleted after the download.
    """
    form = ExportFormat.JSONL if as_jsonl else ExportFormat.CSV if as_csv else output
    wanted: dict[str, Any] = {
        "rows": rows.value,
        "format": form.value,
        "status": status,
        "emotion": emotion,
        "error_code": error_code,
        "batch": batch,
        "application": application,
        "created_from": created_from.astimezone() if created_from else None,
        "created_before": created_before.astimezone() if created_before else None,
    }
    with end_with_sentence(EmoscopeError, OSError), open_client() as client, _open_new(file) as path:
        try:
            client.download_rows(path, **wanted)
        except ApiError as error:
            if error.code != "export_too_large":
                raise
            _download_large(client, path, wanted)


def _download_large(client: Client, path: Path, wanted: dict[str, Any]) -> None:
    """Create an export, show its progress, download it, and delete it on the service in any case."""
    made = client.create_export(**wanted)
    try:
        done = _wait(client, made)
        if done.status != "succeeded":
            raise ExportFailed(done.error.detail if done.error else f"the export is {done.status}")
        client.download_export(done.id, path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != done.sha256:
            raise ExportFailed("the file was damaged in transfer; try again")
    finally:
        client.delete_export(made.id)


def _wait(client: Client, export: Export) -> Export:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_screen = sys.stdout.isatty()  # file output must not go through the terminal's formatting
    with Progress(
        *columns, console=err, transient=True, disable=not err.is_terminal, redirect_stdout=is_screen
    ) as progress:
        task = progress.add_task("exporting", total=None)
        while not export.has_ended:
            export = client.get_export(export.id, wait_s=_HOLD_S)
            progress.update(task, total=export.jobs_total, completed=export.jobs_done)
    return export


@contextmanager
def _open_new(file: str) -> Iterator[Path]:
    """Open the output. A file gets its final name only once it is complete, and standard output is written only then."""
    if file == _STREAM:
        with tempfile.TemporaryDirectory(prefix="emoscope-export-") as folder:
            path = Path(folder) / "rows"
            yield path
            with path.open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    part = Path(f"{file}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
