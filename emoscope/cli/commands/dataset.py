"""`emoscope dataset`: check a FER2013-format CSV, and turn it into folders of pictures and back."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from emoscope.cli.terminal import end_with_sentence, err, out, print_json, say_step

app = typer.Typer(
    help="Check a FER2013-format CSV, and turn it into folders of pictures and back.", no_args_is_help=True
)

CsvPath = Annotated[Path, typer.Argument(help="FER2013-format CSV: plain, .gz or .xz.")]
_BAD_ROWS_SHOWN = 20


@app.command()
def check(
    csv: CsvPath,
    votes: Annotated[Path | None, typer.Option(help="FER+ votes for the same rows.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Say what is in a dataset: balance, copies, votes, and each row that can't be used. Exits with 1 if none can."""
    from training.data.audit import audit_dataset
    from training.data.dataset import read_dataset
    from training.errors import TrainingError

    say_step(f"reading {csv}")
    with end_with_sentence(TrainingError, OSError):
        found = audit_dataset(read_dataset(csv, votes))
    if as_json:
        print_json(found)
    else:
        _print_audit(found)


def _print_audit(found: dict[str, Any]) -> None:
    table = Table("", *found["parts"])
    emotions = next(iter(found["parts"].values()))["emotions"]
    for emotion in emotions:
        table.add_row(emotion, *(f"{part['emotions'][emotion]:,}" for part in found["parts"].values()))
    table.add_section()
    for name in ("rows", "copies_within", "copies_of_training"):
        table.add_row(name.replace("_", " "), *(f"{part[name]:,}" for part in found["parts"].values()))
    out.print(table)
    if found["votes"]:
        out.print(
            "Votes: " + ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in found["votes"].items())
        )
    out.print(f"Identity: {found['sha256']}", soft_wrap=True)
    for row in found["bad_rows"][:_BAD_ROWS_SHOWN]:
        err.print(f"[yellow]line {row['line']}[/yellow]: {escape(row['reason'])}")
    more = len(found["bad_rows"]) - _BAD_ROWS_SHOWN
    if more > 0:
        err.print(f"... and {more} more; --json lists them all")


@app.command("export")
def export_(
    csv: CsvPath,
    folder: Annotated[Path, typer.Argument(help="New folder for the pictures.")],
    split: Annotated[
        float | None, typer.Option(help="Share of all rows for Training, in place of the CSV's own parts, e.g. 0.7.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of that split.")] = 1,
) -> None:
    """Write one PNG a row: a folder a part, in it a folder an emotion."""
    from training.data.dataset import read_dataset
    from training.data.image_folders import assign_parts, export_folders
    from training.errors import TrainingError

    say_step(f"reading {csv}")
    with end_with_sentence(TrainingError, OSError):
        dataset = read_dataset(csv)
        parts = dataset.parts if split is None else assign_parts(dataset, training_share=split, seed=seed)
        say_step(f"writing {len(dataset.images):,} pictures")
        count = export_folders(dataset, parts, folder)
    err.print(f"{count:,} pictures are in {escape(str(folder))}.")


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder with a folder a part, in it a folder an emotion.")],
    csv: Annotated[Path, typer.Argument(help="CSV to write.")],
) -> None:
    """Write a FER2013-format CSV of folders of pictures."""
    from training.data.image_folders import import_folders
    from training.errors import TrainingError

    with end_with_sentence(TrainingError, OSError):
        count = import_folders(folder, csv)
    err.print(f"{count:,} rows are in {escape(str(csv))}.")
