"""`emoscope evaluate`: the figures of a model version on a CSV."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from emoscope.cli.database import open_database
from emoscope.cli.terminal import end_with_sentence, err, out, print_json, read_settings, say_step


def evaluate(
    csv: Annotated[Path, typer.Option(help="FER2013-format CSV: plain, .gz or .xz.")],
    votes: Annotated[Path | None, typer.Option(help="FER+ votes for the same rows.")] = None,
    usage: Annotated[str, typer.Option(help="Training, PublicTest, PrivateTest, or all.")] = "PublicTest",
    model: Annotated[
        str, typer.Option(help="Number of a version, name of a shipped one, folder of one, or `default`.")
    ] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Judge a model: accuracy, macro-F1, per emotion, calibration, intervals, speed; against labels and votes."""
    from db.model_versions.actions import UnknownModelVersion
    from training.data.dataset import read_dataset
    from training.errors import TrainingError
    from training.evaluation.metrics import evaluate_model
    from training.export.lite import load_lite

    with end_with_sentence(TrainingError, UnknownModelVersion, OSError), _find_model(model) as artifact_dir:
        say_step(f"reading {csv}")
        dataset = read_dataset(csv, votes)
        say_step(f"asking {artifact_dir.name if model == 'default' else model}")
        found = evaluate_model(load_lite(artifact_dir).predict, dataset, None if usage == "all" else usage)
    if as_json:
        print_json(found)
    else:
        _print_metrics(found)


@contextmanager
def _find_model(name: str) -> Iterator[Path]:
    """The folder of a version by number, shipped name or path; `default` is the shipped champion."""
    from training.errors import ArtifactError
    from training.export.artifact import MANIFEST, list_pretrained

    shipped = list_pretrained()
    if name == "default":
        yield next(iter(shipped.values()))
    elif name.isdecimal():
        with tempfile.TemporaryDirectory(prefix="emoscope-model-") as folder:
            _fetch_version(int(name), Path(folder))
            yield Path(folder)
    elif name in shipped:
        yield shipped[name]
    elif (Path(name) / MANIFEST).exists():
        yield Path(name)
    else:
        raise ArtifactError(f"{name!r} is no number, no folder of a version, and none of {', '.join(shipped)}")


def _fetch_version(number: int, folder: Path) -> None:
    from db.core.blobs import BlobStore, make_model_key
    from db.model_versions.actions import get_version
    from training.export.artifact import MANIFEST, Manifest

    settings = read_settings()
    blobs = BlobStore(settings.effective_blob_url, settings.s3_options)
    with open_database() as database, database.read() as session:
        digest = get_version(session, number).digest
    (folder / MANIFEST).write_bytes(blobs.get(make_model_key(digest), digest))
    for name, record in Manifest.read(folder).files.items():
        (folder / name).write_bytes(blobs.get(make_model_key(record.sha256), record.sha256))


def _print_metrics(found: dict[str, Any]) -> None:
    for truth in ("fer2013", "ferplus"):
        if truth not in found:
            continue
        figures = found[truth]
        table = Table("emotion", "rows", "precision", "recall", "F1", title=f"{truth}, {figures['rows']:,} rows")
        for emotion, row in figures["per_class"].items():
            table.add_row(emotion, f"{row['support']:,}", *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")))
        out.print(table)
        low, high = figures["intervals"]["accuracy"]
        out.print(
            f"accuracy {figures['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f}), macro-F1 {figures['macro_f1']:.4f}, "
            f"log-loss {figures['log_loss']:.4f}, calibration error {figures['calibration_error']:.4f}"
        )
        if "without_copies" in figures:
            new = figures["without_copies"]
            out.print(f"without copies of Training rows ({new['rows']:,} rows): accuracy {new['accuracy']:.4f}")
    err.print(f"{found['ms_a_face']:.2f} ms for one face, {found['faces_a_second']:.0f} faces a second together")
