"""Output of commands: one console for results, one for progress and errors, and error exits.

Rich interprets `[words]` as markup, so foreign text such as paths and reasons is escaped.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from emoscope.settings import Settings, find_unknown_variables, load_settings
from emoscope.settings.problems import InvalidSettings
from emoscope_client import Face, Result

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, with the field names of the API.")]
"""Option of every command that lists or shows something. With it, stdout contains only one JSON document."""

out = Console(emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


def say_step(text: str) -> None:
    """Print a step of a long operation on stderr, so that stdout contains only results."""
    err.print(f"[dim]·[/dim] {escape(text)}")


def print_json(found: object, indent: int | None = 2) -> None:
    """Print JSON on stdout exactly, without line breaks or markup."""
    out.out(json.dumps(found, indent=indent), highlight=False)


def print_schemas(found: Iterable[BaseModel | Result]) -> None:
    """Print a list as JSON in the API's form: the objects in `items` as an array."""
    print_json([each.to_json() if isinstance(each, Result) else each.model_dump(mode="json") for each in found])


@contextmanager
def end_with_sentence(*errors: type[Exception]) -> Iterator[None]:
    """Convert these exceptions to a message on stderr and exit status 1. Others are bugs and show their traceback."""
    try:
        yield
    except errors as error:
        err.print(f"[bold red]Error:[/bold red] {escape(str(error))}")
        raise typer.Exit(1) from error


def read_settings(**given: object) -> Settings:
    """Return the settings, overridden by command line options.

    given: values by setting name; None means not given. Exits with a message for each invalid setting.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    try:
        settings = load_settings()
        return Settings(**(settings.model_dump() | changes)) if changes else settings
    except ValidationError as error:
        _refuse_settings(InvalidSettings.from_validation(error))
    except InvalidSettings as error:
        _refuse_settings(error)


def warn_of_unknown_variables() -> None:
    """Warn about each variable that is named like a setting but isn't one."""
    for unknown in find_unknown_variables():
        err.print(f"[yellow]Warning:[/yellow] {escape(str(unknown))}")


def _refuse_settings(error: InvalidSettings) -> NoReturn:
    for problem in error.problems:
        err.print(f"[bold red]Error:[/bold red] {escape(str(problem))}", soft_wrap=True)
    raise typer.Exit(2) from error


def make_faces_table(title: str, faces: Iterable[Face]) -> Table:
    """Make a table of faces: box in pixels, emotion, confidence, and the runner-up."""
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for heading in ("face", "box (x, y, width, height)", "emotion", "confidence", "second"):
        table.add_column(heading, justify="right" if heading in {"face", "confidence"} else "left")
    for number, face in enumerate(faces, start=1):
        box = face.bounding_box
        second, probability = face.probabilities.rank()[1]
        table.add_row(
            str(number),
            f"{box.x}, {box.y}, {box.width}, {box.height}",
            f"{face.emotion} (uncertain)" if face.uncertain else face.emotion,
            f"{face.confidence:.2f}",
            f"{second} {probability:.2f}",
        )
    return table
