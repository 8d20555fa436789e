"""`emoscope train`: trains a network on a CSV, or resumes an interrupted run."""

import dataclasses
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from db.core.vocabulary import Architecture
from emoscope.cli.program import name_program
from emoscope.cli.terminal import end_with_sentence, err, out

if TYPE_CHECKING:
    from training.fit.loop import Progress as RunProgress
    from training.fit.run_settings import Folders
    from training.fit.settings import Recipe, TrainSettings


class Labels(StrEnum):
    """Labels that a version is trained on."""

    HARD = "hard"
    SOFT = "soft"


_OLD_LABELS = {"single": Labels.HARD, "votes": Labels.SOFT}
"""Names of earlier releases."""


def read_labels(word: str) -> Labels:
    """Parse `--labels`."""
    return _OLD_LABELS.get(word) or Labels(word)


class Precision(StrEnum):
    """Precision of the training."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


def _take_config(context: typer.Context, path: Path | None) -> Path | None:
    """Use the values of a configuration file as defaults of the options."""
    from training.errors import TrainingError
    from training.fit.config_file import read_config

    if path is not None:
        with end_with_sentence(TrainingError):
            config = read_config(path)
        named = config.model_dump(include={"network", "labels", "seed", "split_seed", "precision"}, exclude_none=True)
        context.default_map = {**(context.default_map or {}), **named}
    return path


def train(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Configuration file of a version, as in training/configs: trains one like it. Other options change it.",
            callback=_take_config,
            is_eager=True,
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="FER2013-format CSV. Not needed to resume a run.")] = None,
    votes: Annotated[Path | None, typer.Option(help="FER+ votes for the same rows.")] = None,
    labels: Annotated[
        Labels,
        typer.Option(
            help="What to train on: the CSV's own label (hard), or the shares of people's votes (soft).",
            parser=read_labels,
            metavar="[hard|soft]",
        ),
    ] = Labels.HARD,
    network: Annotated[Architecture, typer.Option(help="Network to train.")] = Architecture.DEFAULT,
    recipe: Annotated[
        Path | None,
        typer.Option(help="JSON file of the recipe's fields to change, or folder of a version to train like."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Default: that of the network's recipe.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Default: that of the network's recipe.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same version.")] = 1,
    split_seed: Annotated[
        int | None,
        typer.Option(
            help="Decides which rows are the validation set. Default: as in the version to start from or learn from, else --seed."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run. An interrupted run resumes after its last epoch.")
    ] = None,
    start_from: Annotated[Path | None, typer.Option(help="Folder of a version to start from.")] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of a version whose predictions are trained on besides the labels. Can be given more than once."
        ),
    ] = None,
    export: Annotated[  # noqa: FBT002
        bool, typer.Option("--export", help="Don't train: write a version of the run's best epoch so far.")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="Cores to use; 0 is all.")] = 0,
    precision: Annotated[
        Precision, typer.Option(help="Precision of the computation. auto: 16 bits if the machine is faster with them.")
    ] = Precision.AUTO,
) -> None:
    """Train a network, and write a version with metrics, model card and report. Ctrl-C stops; --run resumes."""
    from training.errors import RunStopped, TrainingError
    from training.fit.resume import refuse_others
    from training.fit.run_settings import Folders, has_run

    with end_with_sentence(TrainingError, OSError):
        run_dir = run or Path("runs") / f"{network}-{labels}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        if has_run(run_dir):
            refuse_others(run_dir, _find_given(context))
        changes = {"epochs": epochs, "batch_size": batch_size}
        folders = Folders(start_from, tuple(teacher or ()))
        configured = _read_configured_recipe(config, folders, network)
        settings = _make_settings(csv, votes, labels, network, seed, precision, recipe, configured, changes, run_dir)
        if csv:
            settings = _hold_out_as_known(settings, folders, split_seed)
        else:
            folders = _find_folders(run_dir, folders)
        try:
            artifact_dir = _run(settings, run_dir, folders, threads, export=export)
        except RunStopped as stopped:
            err.print(f"{stopped}. Resume with: {name_program()} train --run {escape(str(run_dir))}")
            raise typer.Exit(130) from stopped
    _print_result(artifact_dir)


def _find_given(context: typer.Context) -> dict[str, Any]:
    """Return the parameters given on the command line, without defaults."""

    def is_given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    return {name: value for name, value in context.params.items() if is_given(name)}


def _find_folders(run_dir: Path, given: "Folders") -> "Folders":
    """Return the folders of the versions that a run uses: those given, or those with which it was started."""
    from training.fit.run_settings import Folders, read_run_folders

    stored = read_run_folders(run_dir)
    return Folders(given.initial_weights or stored.initial_weights, given.teachers or stored.teachers)


def _read_configured_recipe(config: Path | None, folders: "Folders", network: Architecture) -> "Recipe":
    """Return the recipe of the configuration file; without one, the network's own."""
    from training.fit.config_file import read_config, require_origin
    from training.fit.settings import RECIPES

    if config is None:
        return RECIPES[network]
    found = read_config(config)
    require_origin(found, folders.initial_weights, folders.teachers)
    return RECIPES[network].change(found.recipe)


def _make_settings(
    csv: Path | None,
    votes: Path | None,
    labels: Labels,
    network: Architecture,
    seed: int,
    precision: Precision,
    recipe_path: Path | None,
    configured: "Recipe",
    changes: dict[str, int | None],
    run_dir: Path,
) -> "TrainSettings":
    from training.errors import RunError
    from training.fit.recipe_file import read_recipe
    from training.fit.run_settings import has_run, read_run_settings
    from training.fit.settings import TrainSettings

    if csv is None:
        if not has_run(run_dir):
            raise RunError("training needs --csv, or --run with the folder of an interrupted run")
        return read_run_settings(run_dir)
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    recipe = configured if recipe_path is None else read_recipe(recipe_path, configured)
    recipe = dataclasses.replace(recipe, **given)
    votes = votes.resolve() if votes else None
    return TrainSettings(csv.resolve(), labels.value, network, recipe, votes, seed, precision.value)


def _hold_out_as_known(settings: "TrainSettings", folders: "Folders", split_seed: int | None) -> "TrainSettings":
    """Use the validation set of the version that the run starts from, or of its first teacher; or the one of `split_seed`."""
    from training.export.artifact import read_manifest
    from training.fit.fine_tuning import find_split, hold_out_like

    if split_seed is not None:
        return dataclasses.replace(settings, split_seed=split_seed)
    known = [folder for folder in (folders.initial_weights, *folders.teachers) if folder is not None]
    lineages = [read_manifest(folder).lineage for folder in known]
    if len({find_split(lineage) for lineage in lineages}) > 1:
        err.print(
            "[yellow]These versions have different validation sets:[/yellow] validation metrics will be too good."
        )
    if not lineages:
        return settings
    alike = hold_out_like(settings, lineages[0])
    return dataclasses.replace(alike, splits_like_parent=folders.initial_weights is not None)


def _run(settings: "TrainSettings", run_dir: Path, folders: "Folders", threads: int, *, export: bool) -> Path:
    err.print(f"[dim]·[/dim] loading TensorFlow; the run is in {escape(str(run_dir))}")
    from training.fit.runtime import limit_threads
    from training.pipeline import export_run, run_training

    limit_threads(threads)
    if export:
        return export_run(run_dir)
    with _show_progress() as report, _stop_on_ctrl_c() as should_stop:
        return run_training(
            settings,
            run_dir,
            progress=report,
            should_stop=should_stop,
            initial_weights=folders.initial_weights,
            teachers=folders.teachers,
        )


@contextmanager
def _show_progress() -> Iterator[Callable[["RunProgress"], None]]:
    """Show a progress bar of the epoch, the remaining time, and a line per finished epoch."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting", total=None, figures="")

        def report(now: "RunProgress") -> None:
            minutes, seconds = divmod(round(now.seconds_left), 60)
            figures = f"loss {now.loss:.4f}  accuracy {now.accuracy:.4f}  left {minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
            words = f"epoch {now.epoch}/{now.epochs}"
            bar.update(task, description=words, completed=now.step, total=now.steps, figures=figures)
            if now.last is not None and now.last.epoch == now.epoch and now.step == now.steps:
                last = now.last
                err.print(
                    f"{words}  loss {last.loss:.4f}  accuracy {last.accuracy:.4f}  held-out loss {last.val_loss:.4f}  "
                    f"held-out accuracy {last.val_accuracy:.4f}  {last.seconds:.0f} s"
                )

        yield report


@contextmanager
def _stop_on_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C or SIGTERM ask the run to stop; a second one interrupts at once."""
    asked: list[int] = []
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: object) -> None:
        asked.append(number)
        err.print("stopping after this batch; once more to stop at once")
        signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, ask)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _print_result(artifact_dir: Path) -> None:
    from db.model_versions.metrics import list_splits, list_truths
    from training.export.artifact import read_manifest
    from training.export.version import REPORT_FILE

    for part, split in list_splits(read_manifest(artifact_dir).metrics):
        for truth, found in list_truths(split):
            err.print(f"{part}, {truth}: accuracy {found['accuracy']:.4f}, macro-F1 {found['macro_f1']:.4f}")
    err.print(f"Report: {escape(str(artifact_dir.with_name(REPORT_FILE)))}", soft_wrap=True)
    out.print(escape(str(artifact_dir)), soft_wrap=True, highlight=False)
