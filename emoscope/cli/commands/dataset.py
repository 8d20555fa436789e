"""`emoscope dataset`: checks a CSV in FER2013's format, and converts it to folders of pictures and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_json, say_step

if TYPE_CHECKING:
    from training.data.audit import DatasetAudit

app = typer.Typer(
    help="Check a FER2013-format CSV, and turn it into folders of pictures and back.", no_args_is_help=True
)

CsvPath = Annotated[Path, typer.Argument(help="FER2013-format CSV: plain, .gz or .xz.")]
_BAD_ROWS_SHOWN = 20


@app.command()
def check(
    csv: CsvPath,
    votes: Annotated[Path | None, typer.Option(help="FER+ votes for the same rows.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
    strict: Annotated[  # noqa: FBT002
        bool, typer.Option("--strict", help="Exit with 1 if any row can't be used or there is a warning.")
    ] = False,
) -> None:
    """Check a dataset: balance, copies, votes, missing emotions, and each row that can't be used.

    Exits with 1 if no row can be used, or all rows to train on are of one emotion.
    """
    from training.data.audit import audit_dataset, refuse_one_emotion
    from training.data.dataset import read_dataset
    from training.errors import TrainingError

    say_step(f"reading {csv}")
    with end_with_sentence(TrainingError, OSError):
        dataset = read_dataset(csv, votes)
        found = audit_dataset(dataset)
    if as_json:
        print_json(found)
    else:
        _print_audit(found)
    with end_with_sentence(TrainingError):
        refuse_one_emotion(dataset)
    if strict and (found["bad_rows"] or found["warnings"]):
        raise typer.Exit(1)


def _print_audit(found: "DatasetAudit") -> None:
    table = Table("", *found["splits"])
    emotions = next(iter(found["splits"].values()))["emotions"]
    for emotion in emotions:
        table.add_row(emotion, *(f"{part['emotions'][emotion]:,}" for part in found["splits"].values()))
    table.add_section()
    splits = found["splits"].values()
    table.add_row("rows", *(f"{split['rows']:,}" for split in splits))
    table.add_row("copies within", *(f"{split['copies_within']:,}" for split in splits))
    table.add_row("copies of training", *(f"{split['copies_of_training']:,}" for split in splits))
    out.print(table)
    if found["votes"]:
        out.print(
            "Votes: " + ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in found["votes"].items())
        )
    out.print(f"Identity: {found['sha256']}", soft_wrap=True)
    for warning in found["warnings"]:
        err.print(f"[yellow]warning[/yellow]: {escape(warning)}", soft_wrap=True)
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
        float | None, typer.Option(help="Share of all rows for Training, such as 0.7. Default: the CSV's own split.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of that split.")] = 1,
) -> None:
    """Write one PNG per row: a folder per split, in it a folder per emotion."""
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
    folder: Annotated[Path, typer.Argument(help="Folder with a folder per split, in it a folder per emotion.")],
    csv: Annotated[Path, typer.Argument(help="CSV to write.")],
) -> None:
    """Write a FER2013-format CSV from folders of pictures."""
    from training.data.image_folders import import_folders
    from training.errors import TrainingError

    with end_with_sentence(TrainingError, OSError):
        tree = import_folders(folder, csv)
    if tree.ignored:
        err.print(f"[yellow]{tree.ignored:,} files that aren't pictures were skipped.[/yellow]")
    err.print(f"{len(tree.pictures):,} rows are in {escape(str(csv))}.")
