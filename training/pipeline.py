"""A run from beginning to end: dataset -> split -> fit -> temperature -> served model -> figures -> version on disk.

Starts the same from the shell, from code and from the retraining task, and goes on from its run folder after any kill.
"""

import json
from pathlib import Path
from typing import Any

from training.artifact import KERAS_FILE, verify_files
from training.dataset import Dataset, read_dataset
from training.errors import RunError
from training.examples import make_examples
from training.fit import ProgressCallback, StopQuestion, fit_network
from training.network import build_network
from training.run_state import RunState
from training.runtime import choose_strategy, keras, use_mixed_precision
from training.served import find_network, load_keras
from training.settings import TrainSettings
from training.version import make_version

SETTINGS_FILE = "settings.json"
ARTIFACT_DIR = "artifact"


def run_training(
    settings: TrainSettings,
    run_dir: Path,
    *,
    progress: ProgressCallback = lambda _: None,
    should_stop: StopQuestion = lambda: False,
    initial_weights: Path | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """Train a network and make a version of it. Returns the version's folder, inside `run_dir`.

    run_dir: new, or that of an interrupted run with the same settings, which then goes on after its last finished epoch.
    initial_weights: folder of a version of the same architecture to start from; None is fresh weights.
    cache_dir: where decoded datasets are kept; None is the user's cache folder.
    Raises RunStopped if `should_stop` said so, RunError if `run_dir` belongs to another run, DatasetError, ArtifactError.
    """
    dataset = read_dataset(settings.csv_path, settings.votes_path, cache_dir=cache_dir)
    parent = verify_files(initial_weights).files[KERAS_FILE].sha256 if initial_weights else None
    _claim_run_dir(run_dir, settings, dataset, parent)
    examples = make_examples(dataset, settings)
    keras.utils.set_random_seed(settings.seed)
    use_mixed_precision()
    with choose_strategy().scope():
        network = build_network(settings.architecture, dropout=settings.recipe.dropout)
        if initial_weights and parent:
            _copy_weights(initial_weights / KERAS_FILE, parent, network)
        state = fit_network(
            network,
            examples.teaching,
            examples.validation,
            settings.recipe,
            run_dir,
            seed=settings.seed,
            progress=progress,
            should_stop=should_stop,
        )
    return make_version(run_dir / ARTIFACT_DIR, settings, dataset, examples, state, parent)


def export_run(run_dir: Path, *, cache_dir: Path | None = None) -> Path:
    """Make a version of the best epoch that an unfinished run has so far, and leave the run as it is.

    Raises RunError if it hasn't finished an epoch.
    """
    stored = _read_stored(run_dir)
    state = RunState(run_dir)
    if not state.epochs_done:
        raise RunError(f"the run in {run_dir} has not finished an epoch")
    settings = TrainSettings.from_json(stored["settings"])
    dataset = read_dataset(settings.csv_path, settings.votes_path, cache_dir=cache_dir)
    examples = make_examples(dataset, settings)
    return make_version(run_dir / ARTIFACT_DIR, settings, dataset, examples, state, stored["parent"])


def read_run_settings(run_dir: Path) -> TrainSettings:
    """The settings that the run in `run_dir` was started with. Raises RunError if there is no run."""
    return TrainSettings.from_json(_read_stored(run_dir)["settings"])


def _read_stored(run_dir: Path) -> dict[str, Any]:
    path = run_dir / SETTINGS_FILE
    if not path.exists():
        raise RunError(f"there is no training run in {run_dir}")
    stored: dict[str, Any] = json.loads(path.read_text())
    return stored


def _claim_run_dir(run_dir: Path, settings: TrainSettings, dataset: Dataset, parent: str | None) -> None:
    wanted = {"settings": settings.to_json(), "dataset_sha256": dataset.sha256, "parent": parent}
    path = run_dir / SETTINGS_FILE
    if path.exists():
        stored = _read_stored(run_dir)
        different = [key for key, value in wanted.items() if json.loads(json.dumps(value)) != stored[key]]
        if different:
            raise RunError(f"the run in {run_dir} was started with another {' and '.join(different)}")
        return
    run_dir.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(wanted, indent=2))
    partial.replace(path)


def _copy_weights(keras_file: Path, sha256: str, network: "keras.Model") -> None:
    parent = find_network(load_keras(keras_file, sha256))
    shapes = [weight.shape for weight in parent.weights], [weight.shape for weight in network.weights]
    if shapes[0] != shapes[1]:
        raise RunError(f"the version to start from is a {parent.name}, whose weights don't fit a {network.name}")
    network.set_weights(parent.get_weights())
