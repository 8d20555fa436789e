"""The training pipeline: dataset -> split -> fit -> temperature -> served model -> metrics -> version on disk.

Used by command line, Python code and the retraining task. It resumes from its run folder after any kill.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from db.model_versions.records import KERAS_FILE
from training.data.corrections import LabelledFaces, add_corrections
from training.data.dataset import Dataset, read_dataset
from training.data.examples import make_examples
from training.data.validation_pictures import read_validation_pictures
from training.errors import RunError
from training.export.artifact import verify_files
from training.export.served import rebuild_network
from training.export.version import make_version
from training.fit.distill import blend_targets, load_teachers
from training.fit.loop import ProgressCallback, StopQuestion, fit_network
from training.fit.run_settings import (
    Folders,
    Origin,
    claim_run_dir,
    has_run,
    read_run_folders,
    read_run_origin,
    read_run_settings,
)
from training.fit.run_state import RunState
from training.fit.runtime import choose_precision, choose_strategy, computing_in, keras
from training.fit.settings import TrainSettings
from training.networks.build import build_network, inherit_weights

ARTIFACT_DIR = "artifact"


def run_training(
    settings: TrainSettings,
    run_dir: Path,
    *,
    progress: ProgressCallback = lambda _: None,
    should_stop: StopQuestion = lambda: False,
    dataset: Dataset | None = None,
    initial_weights: Path | None = None,
    teachers: Sequence[Path] = (),
    corrections: LabelledFaces | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """Train a network and export a version. Returns the version's folder, inside `run_dir`.

    run_dir: new, or of an interrupted run with the same settings, which is resumed after its last finished epoch.
    dataset: contents of the settings' files, if already read.
    initial_weights: folder of a version to start from, with this network or one that has all its layers; None for new weights.
    teachers: folders of versions whose predictions are part of each target, by the recipe's `teacher_share`.
    corrections: faces labelled by reviewers, already filtered; added to the CSV's training rows.
    cache_dir: folder of decoded datasets; None is the user's cache folder.
    Raises RunStopped if `should_stop` returned true, RunError if `run_dir` belongs to another run, TrainingDiverged,
    DatasetError, ArtifactError.
    """
    if dataset is None:
        dataset = read_dataset(settings.csv_path, settings.votes_path, cache_dir=cache_dir)
    if corrections is not None:
        dataset = add_corrections(dataset, corrections)
    parent = _identify(initial_weights) if initial_weights else None
    origin = Origin(dataset.sha256, parent, tuple(_identify(teacher) for teacher in teachers))
    strategy = choose_strategy()  # before any computation: a GPU's memory is configured at first use
    settings = _settle_precision(settings, run_dir)
    claim_run_dir(run_dir, settings, origin, Folders(initial_weights, tuple(teachers)))
    known = read_validation_pictures(initial_weights) if initial_weights else frozenset()
    examples = make_examples(dataset, settings, known)
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope(), computing_in(settings.precision):
        network = build_network(settings.architecture, dropout=settings.recipe.dropout, is_learning=True)
        if initial_weights:
            inherit_weights(network, rebuild_network(initial_weights))
        asked = load_teachers(teachers) if teachers else None
        training = examples.training
        if asked is not None and settings.recipe.teacher_view == "clean":
            training, asked = blend_targets(training, asked, settings.recipe.teacher_share), None
        state = fit_network(
            network,
            training,
            examples.validation,
            settings.recipe,
            run_dir,
            seed=settings.seed,
            teachers=asked,
            progress=progress,
            should_stop=should_stop,
        )
    return make_version(run_dir / ARTIFACT_DIR, settings, dataset, examples, state, origin)


def export_run(run_dir: Path, *, cache_dir: Path | None = None) -> Path:
    """Export a version of an unfinished run's best epoch so far, and leave the run unchanged.

    Raises RunError if it hasn't finished an epoch, or its dataset has changed.
    """
    settings = read_run_settings(run_dir)
    state = RunState(run_dir)
    if not state.epochs_done:
        raise RunError(f"the run in {run_dir} has not finished an epoch")
    dataset, origin = (
        read_dataset(settings.csv_path, settings.votes_path, cache_dir=cache_dir),
        read_run_origin(run_dir),
    )
    if dataset.sha256 != origin.dataset_sha256:
        raise RunError(f"the run in {run_dir} was trained on another dataset than {settings.csv_path} has now")
    parent_dir = read_run_folders(run_dir).initial_weights
    known = read_validation_pictures(parent_dir) if parent_dir and parent_dir.exists() else frozenset()
    examples = make_examples(dataset, settings, known)
    return make_version(run_dir / ARTIFACT_DIR, settings, dataset, examples, state, origin)


def _settle_precision(settings: TrainSettings, run_dir: Path) -> TrainSettings:
    """Keep the precision with which a run started, even if another one would be the fastest."""
    if settings.precision != "auto":
        return settings
    chosen = read_run_settings(run_dir).precision if has_run(run_dir) else choose_precision()
    return replace(settings, precision=chosen)


def _identify(artifact_dir: Path) -> str:
    return verify_files(artifact_dir).files[KERAS_FILE].sha256
