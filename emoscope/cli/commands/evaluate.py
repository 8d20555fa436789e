"""`emoscope evaluate`: metrics of a model version on a CSV, its stress tests, and folders of labelled photos."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from emoscope.cli.database import open_database
from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_json, read_settings, say_step

if TYPE_CHECKING:
    from db.model_versions.metrics import EvaluationReport, SetMetrics
    from training.data.dataset import Dataset
    from training.evaluation.sets import EvaluationSet

Int8 = Annotated[bool, typer.Option("--int8", help="The version's 8-bit form, which CPUs with VNNI or DotProd use.")]


def evaluate(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Sets of labelled photos, each a folder with label/file or labels.csv, or a CSV with the columns file,emotion."
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="FER2013-format CSV: plain, .gz or .xz.")] = None,
    votes: Annotated[Path | None, typer.Option(help="FER+ votes for the same rows.")] = None,
    usage: Annotated[str, typer.Option(help="Training, PublicTest, PrivateTest, or all.")] = "PublicTest",
    model: Annotated[
        str, typer.Option(help="Number of a version, name of a shipped one, folder of one, or `default`.")
    ] = "default",
    int8: Int8 = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Measure accuracy, macro-F1, calibration and speed of a model, on a CSV with stress tests and on photos.

    The largest face of each photo is found, cut out and classified. Further columns of a CSV become slices.
    """
    from db.model_versions.actions import UnknownModelVersion
    from training.data.dataset import read_dataset
    from training.errors import TrainingError
    from training.evaluation.metrics import evaluate_model
    from training.evaluation.sets import evaluate_set
    from training.export.lite import load_lite

    if csv is None and not photos:
        raise typer.BadParameter("name a CSV by --csv, or a set of photos")
    report: EvaluationReport | None = None
    with end_with_sentence(TrainingError, UnknownModelVersion, OSError), _find_model(model) as artifact_dir:
        predict = load_lite(artifact_dir, is_int8=int8).predict
        sets = []
        if csv is not None:
            say_step(f"reading {csv}")
            dataset = read_dataset(csv, votes)
            say_step(f"asking {artifact_dir.name if model == 'default' else model}")
            report = evaluate_model(predict, dataset, None if usage == "all" else usage)
            sets += _make_stress_sets(dataset, None if usage == "all" else usage)
        for path in photos or ():
            say_step(f"detecting faces in {path}")
            sets.append(_read_photos(path))
        say_step("classifying the evaluation sets")
        of_sets = {each.name: evaluate_set(predict, each) for each in sets}
    if as_json:
        print_json({**(report or {}), "sets": of_sets})
        return
    if report is not None:
        _print_metrics(report)
    _print_sets(of_sets)


def _make_stress_sets(dataset: "Dataset", usage: str | None) -> "list[EvaluationSet]":
    """Make the stress tests of the evaluated rows, with majority labels if there are votes."""
    import numpy as np

    from training.data.votes import NO_MAJORITY
    from training.evaluation.sets import make_stress_sets

    rows = np.arange(len(dataset.images)) if usage is None else dataset.find_part(usage)
    truth = dataset.labels if dataset.votes is None else dataset.votes.majorities
    rows = rows[truth[rows] != NO_MAJORITY]
    return make_stress_sets(dataset, rows, truth[rows]) if len(rows) else []


def _read_photos(path: Path) -> "EvaluationSet":
    from worker.analysis.detectors.loading import load_detector
    from worker.analysis.photo_sets import read_photo_set

    settings = read_settings()
    detector = load_detector(settings.detector, weights=settings.find_weights(settings.detector))
    return read_photo_set(path, detector, min_face_px=settings.min_face_px)


@contextmanager
def _find_model(name: str) -> Iterator[Path]:
    """Return the folder of a version by number, shipped name or path; `default` is the shipped champion."""
    from training.errors import ArtifactError
    from training.export.artifact import MANIFEST, find_pretrained, list_pretrained

    shipped = list_pretrained()
    if name == "default":
        yield next(iter(shipped.values()))
    elif name.isdecimal():
        with tempfile.TemporaryDirectory(prefix="emoscope-model-") as folder:
            _fetch_version(int(name), Path(folder))
            yield Path(folder)
    elif (folder_of := find_pretrained(name)) is not None:
        yield folder_of
    elif (Path(name) / MANIFEST).exists():
        yield Path(name)
    else:
        raise ArtifactError(f"{name!r} is not a number, a folder of a version, or one of {', '.join(shipped)}")


def _fetch_version(number: int, folder: Path) -> None:
    from db.core.blobs import BlobStore, make_model_key
    from db.model_versions.actions import get_version
    from training.export.artifact import MANIFEST, read_manifest

    settings = read_settings()
    blobs = BlobStore(settings.effective_blob_url, settings.s3_options)
    with open_database() as database, database.read() as session:
        digest = get_version(session, number).digest
    (folder / MANIFEST).write_bytes(blobs.get(make_model_key(digest), digest))
    for name, record in read_manifest(folder).files.items():
        (folder / name).write_bytes(blobs.get(make_model_key(record.sha256), record.sha256))


def _print_sets(sets: "dict[str, SetMetrics]") -> None:
    columns = (
        "photos",
        "no face",
        "accuracy",
        "without neutral",
        "macro-F1",
        "mean recall",
        "calibration error",
        "confidence",
    )
    table = Table("set", *columns, title="Evaluation sets")
    for name, metrics in sets.items():
        shares = (
            *(metrics["accuracy"], metrics["accuracy_without_neutral"], metrics["macro_f1"]),
            *(metrics["mean_recall"], metrics["calibration_error"], metrics["mean_confidence"]),
        )
        cells = ("-" if share is None else f"{share:.3f}" for share in shares)
        table.add_row(name, f"{metrics['rows']:,}", str(metrics["missed"]), *cells)
        for part, found in metrics["slices"].items():
            shown = (f"{found['calibration_error']:.3f}", f"{found['mean_confidence']:.3f}")
            table.add_row(f"  {part}", f"{found['rows']:,}", "", f"{found['accuracy']:.3f}", "", "", "", *shown)
    out.print(table)


def _print_metrics(found: "EvaluationReport") -> None:
    from db.model_versions.metrics import list_truths

    for truth, figures in list_truths(found):
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
