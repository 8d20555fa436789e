"""`emoscope analyze`: photos from the shell, through the service."""

from collections import deque
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.core.vocabulary import Detector
from emoscope.cli.client import open_client
from emoscope.cli.terminal import end_with_sentence, err, make_faces_table, out, print_json
from emoscope_client import ApiError, Client, EmoscopeError, Job, JobOptions

Outcome = Job | ApiError | OSError
"""A job at its end, or what kept the photo from being taken."""

_IN_FLIGHT = 16
"""Photos submitted ahead of the one waited for: enough to keep some workers busy, few enough to stop soon."""


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


def analyze(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", exists=True)],
    output: Annotated[Format, typer.Option("--format", "-f", help="Form of the result.")] = Format.TABLE,
    detector: Annotated[Detector | None, typer.Option(help="Face detector.")] = None,
    min_face_px: Annotated[int | None, typer.Option(help="Least side of a face, in pixels.")] = None,
    keep_s: Annotated[float | None, typer.Option(help="Seconds that the service keeps the photos.")] = None,
) -> None:
    """Find the faces in photos and say which emotion each appears to express.

    Talks to the stack on this machine, or to the one that EMOSCOPE_API_URL and EMOSCOPE_API_KEY name.
    Exits with 1 if any photo could not be analysed.
    """
    paths = list(_list_photos(photos))
    options: JobOptions = {"detector": detector, "min_face_px": min_face_px, "photo_retention_s": keep_s}
    results: list[dict[str, Any]] = []
    has_failed = False
    with end_with_sentence(EmoscopeError), open_client() as client, _make_progress(len(paths)) as progress:
        bar = progress.add_task("analysing", total=len(paths))
        for path, outcome in _analyze_all(client, paths, options):
            progress.advance(bar)
            has_failed |= isinstance(outcome, Exception) or outcome.status != "succeeded"
            if output is Format.TABLE:
                _print_outcome(path, outcome)
            elif output is Format.JSONL:
                print_json(_to_json(path, outcome), indent=None)
            else:
                results.append(_to_json(path, outcome))
    if output is Format.JSON:
        print_json(results)
    if has_failed:
        raise typer.Exit(1)


def _list_photos(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those directly in the folders named. The service tells photos from other files."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        else:
            yield path


def _make_progress(total: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=total < 2)


def _analyze_all(client: Client, paths: Sequence[Path], options: JobOptions) -> Iterator[tuple[Path, Outcome]]:
    """Each photo with its job at its end, or with what kept it from being taken, in the order given."""
    in_flight: deque[tuple[Path, Outcome]] = deque()
    for path in paths:
        in_flight.append((path, _submit(client, path, options)))
        if len(in_flight) >= _IN_FLIGHT:
            yield _wait(client, *in_flight.popleft())
    while in_flight:
        yield _wait(client, *in_flight.popleft())


def _submit(client: Client, path: Path, options: JobOptions) -> Outcome:
    try:
        return client.create_job(path, **options)
    except (ApiError, OSError) as error:
        return error


def _wait(client: Client, path: Path, outcome: Outcome) -> tuple[Path, Outcome]:
    return path, client.wait_for_job(outcome) if isinstance(outcome, Job) else outcome


def _print_outcome(path: Path, outcome: Outcome) -> None:
    name = escape(str(path))
    if isinstance(outcome, Exception):
        err.print(f"[bold red]{name}[/bold red]: {escape(str(outcome))}")
    elif outcome.status != "succeeded":
        err.print(
            f"[bold red]{name}[/bold red]: {outcome.status}: {escape(outcome.error.detail if outcome.error else '')}"
        )
    elif not outcome.faces:
        out.print(f"[bold]{name}[/bold]: no face found")
    else:
        out.print(make_faces_table(str(path), outcome.faces))


def _to_json(path: Path, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Exception):
        code = outcome.code if isinstance(outcome, ApiError) else "unreadable_file"
        return {"photo": str(path), "status": "refused", "error": {"code": code, "detail": str(outcome)}, "faces": []}
    return {
        "photo": str(path),
        "job_id": str(outcome.id),
        "status": outcome.status,
        "error": outcome.error.to_json() if outcome.error else None,
        "faces": [face.to_json() for face in outcome.faces],
    }
