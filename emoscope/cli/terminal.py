"""How commands speak to people: one console for words and tables, one for progress and errors, and how they end.

Rich takes `[words]` for markup, so what isn't ours, such as paths and reasons, is escaped before it is printed.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from emoscope.client_results import Face
from emoscope.settings import Settings, load_settings

out = Console(emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


def say_step(text: str) -> None:
    """One step of something long, on stderr, so that stdout stays clean for results."""
    err.print(f"[dim]·[/dim] {escape(text)}")


def print_json(found: object, indent: int | None = 2) -> None:
    """Something as JSON on stdout, exactly: neither broken into lines nor read as markup."""
    out.out(json.dumps(found, indent=indent), highlight=False)


@contextmanager
def end_with_sentence(*errors: type[Exception]) -> Iterator[None]:
    """Turn these errors into a sentence on stderr and exit status 1. Others are faults of ours and show their traceback."""
    try:
        yield
    except errors as error:
        err.print(f"[bold red]Error:[/bold red] {escape(str(error))}")
        raise typer.Exit(1) from error


def read_settings(**given: object) -> Settings:
    """The settings, with what was given on the command line in place of what the environment says.

    given: values by setting name; None means not given. Exits with a sentence for each bad setting.
    """
    try:
        settings = load_settings()
        changes = {name: value for name, value in given.items() if value is not None}
        return Settings(**(settings.model_dump() | changes)) if changes else settings
    except ValidationError as error:
        for problem in error.errors():
            name = (
                "EMOSCOPE_" + "_".join(str(part) for part in problem["loc"]).upper() if problem["loc"] else "settings"
            )
            err.print(f"[bold red]Error:[/bold red] {name}: {escape(problem['msg'])}")
        raise typer.Exit(2) from error


def make_faces_table(title: str, faces: Iterable[Face]) -> Table:
    """Faces as rows: box in pixels, emotion, confidence, and the runner-up."""
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for heading in ("face", "box (x, y, width, height)", "appears", "confidence", "then"):
        table.add_column(heading, justify="right" if heading in {"face", "confidence"} else "left")
    for number, face in enumerate(faces, start=1):
        box = face.bounding_box
        second = sorted(face.probabilities, key=face.probabilities.__getitem__)[-2]
        table.add_row(
            str(number),
            f"{box.x}, {box.y}, {box.width}, {box.height}",
            f"{face.emotion} (uncertain)" if face.is_uncertain else face.emotion,
            f"{face.confidence:.2f}",
            f"{second} {face.probabilities[second]:.2f}",
        )
    return table
