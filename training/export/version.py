"""Exports the best weights of a run as a version's folder with metrics, model card and digests."""

import shutil
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from db.core.vocabulary import EMOTIONS
from db.model_versions.history import TrainingHistory
from db.model_versions.manifest import Lineage, Manifest
from db.model_versions.metrics import VersionMetrics
from db.model_versions.records import HISTORY_FILE, KERAS_FILE, VoteCalibration
from training.data.dataset import Dataset
from training.data.examples import SplitExamples
from training.data.validation_pictures import write_validation_pictures
from training.data.votes import NO_MAJORITY
from training.errors import TrainingError
from training.evaluation.calibrate import fit_vote_shares
from training.evaluation.card import write_card
from training.evaluation.metrics import Predict, evaluate_rows, time_model
from training.evaluation.report import write_report
from training.evaluation.sets import evaluate_set, make_stress_sets
from training.export import artifact
from training.export.artifact import record_file, verify_files, write_manifest
from training.export.calibration import build_network_server, calibrate_network
from training.export.lite import LiteModel
from training.export.quantize import quantize_served
from training.export.served import convert_to_tflite
from training.fit.last_layer import adjust_last_layer
from training.fit.run_settings import Origin
from training.fit.run_state import RunState
from training.fit.runtime import computing_in
from training.fit.settings import TrainSettings
from training.networks.build import build_network

REPORT_FILE = "report.html"
_LIBRARIES = ("tensorflow", "keras", "numpy", "ai-edge-litert")


def make_version(
    artifact_dir: Path,
    settings: TrainSettings,
    dataset: Dataset,
    examples: SplitExamples,
    state: RunState,
    origin: Origin,
) -> Path:
    """Write the version of a run's best epoch to `artifact_dir`, replacing it, and return the folder.

    A complete version of this epoch is kept: written again, its files would have other digests, by which runs identify their
    parent and teachers. The report is written beside the folder, because it contains pictures of the dataset, which versions
    don't include. Raises ArtifactError if the results of both models differ.
    """
    if _is_made(artifact_dir, settings, state, origin):
        return artifact_dir
    partial = artifact_dir.with_name(f"{artifact_dir.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with computing_in("float32"):  # served in float32, even if trained in 16 bits
        network = build_network(settings.architecture, dropout=settings.recipe.dropout)
    network.set_weights(state.load_best())
    recipe = settings.recipe
    if recipe.hard_share or recipe.neutral_offset:
        adjust_last_layer(network, examples.training.images, examples.training_labels, recipe)
    temperature, conditions = calibrate_network(network, dataset, examples, recipe)
    served = build_network_server(network, recipe, temperature, conditions)
    served.save(partial / KERAS_FILE)
    (partial / artifact.TFLITE_FILE).write_bytes(convert_to_tflite(served))
    history = TrainingHistory.model_validate(
        {"best_epoch": state.best_epoch, "epochs": [asdict(point) for point in state.curves]}
    )
    (partial / HISTORY_FILE).write_text(history.to_text(), encoding="utf-8")
    write_validation_pictures(partial / artifact.VALIDATION_FILE, dataset.images[examples.validation_rows])
    lite = LiteModel(partial / artifact.TFLITE_FILE)
    is_clear = examples.validation_truth != NO_MAJORITY
    clear_images = dataset.images[examples.validation_rows[is_clear]]
    int8 = quantize_served(served, lite, temperature, clear_images, examples.validation_truth[is_clear])
    metrics: VersionMetrics = {}
    evaluated, answers = examples.validation_rows, lite.predict(dataset.images[examples.validation_rows])
    metrics["validation"] = evaluate_rows(answers, dataset, evaluated)
    if len(dataset.find_part("PublicTest")):
        evaluated = dataset.find_part("PublicTest")
        answers = lite.predict(dataset.images[evaluated])
        metrics["PublicTest"] = evaluate_rows(answers, dataset, evaluated)
        truth = dataset.labels if settings.labels == "hard" or dataset.votes is None else dataset.votes.majorities
        clear = evaluated[truth[evaluated] != NO_MAJORITY]
        if recipe.conditions and len(clear):
            stresses = make_stress_sets(dataset, clear, truth[clear])
            metrics["sets"] = {each.name: evaluate_set(lite.predict, each) for each in stresses}
    votes = _fit_vote_shares(lite.predict, dataset, examples.validation_rows)
    metrics["speed"] = time_model(lite.predict, dataset.images)
    if int8 is not None:
        (partial / artifact.INT8_FILE).write_bytes(int8.content)
        metrics["int8"] = int8.metrics
    manifest = Manifest(
        schema_version=artifact.SCHEMA_VERSION,
        architecture=settings.architecture,
        emotions=tuple(EMOTIONS),
        input_name=artifact.INPUT_NAME,
        input_dtype=artifact.INPUT_DTYPE,
        input_shape=artifact.INPUT_SHAPE,
        temperature=temperature,
        flip=recipe.flip,
        crop_scales=recipe.crop_scales,
        normalized=recipe.normalized,
        conditions=recipe.conditions,
        votes=votes,
        files={},
        metrics=metrics,
        lineage=_trace_lineage(settings, dataset, examples, state, origin),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_card(partial / artifact.CARD_FILE, manifest)
    files = {path.name: record_file(path) for path in sorted(partial.iterdir())}
    write_manifest(manifest.model_copy(update={"files": files}), partial)
    write_report(artifact_dir.with_name(REPORT_FILE), manifest, history, dataset, evaluated, answers)
    shutil.rmtree(artifact_dir, ignore_errors=True)
    partial.rename(artifact_dir)
    return artifact_dir


def _is_made(artifact_dir: Path, settings: TrainSettings, state: RunState, origin: Origin) -> bool:
    try:
        made = verify_files(artifact_dir)
        made_by = TrainSettings.from_json(made.lineage.settings)
    except (TrainingError, ValidationError):
        return False
    wanted = TrainSettings.from_json(_without_folders(settings.to_json()))
    found = Origin(made.lineage.dataset_sha256, made.lineage.parent, made.lineage.teachers)
    is_of_this_form = (made.schema_version, made.architecture) == (artifact.SCHEMA_VERSION, settings.architecture)
    return is_of_this_form and (made_by, made.lineage.epochs_done, found) == (wanted, state.epochs_done, origin)


def _fit_vote_shares(predict: Predict, dataset: Dataset, rows: npt.NDArray[np.int64]) -> VoteCalibration | None:
    """Return None if the dataset has no votes, or none on these rows."""
    if dataset.votes is None:
        return None
    votes = dataset.votes.distributions[rows]
    is_voted = votes.sum(axis=1) > 0
    if not is_voted.any():
        return None
    return fit_vote_shares(predict(dataset.images[rows[is_voted]]), votes[is_voted])


def _trace_lineage(
    settings: TrainSettings, dataset: Dataset, examples: SplitExamples, state: RunState, origin: Origin
) -> Lineage:
    counts = {
        "training": len(examples.training.images),
        "validation": len(examples.validation_rows),
        "bad_rows": len(dataset.bad_rows),
        "corrections": dataset.corrections,
    }
    if dataset.votes is not None:
        counts |= {f"votes_{name}": count for name, count in dataset.votes.count_rows().items()}
    return Lineage(
        dataset_sha256=origin.dataset_sha256,
        row_counts=counts,
        labels=settings.labels,
        epochs_done=state.epochs_done,
        seed=settings.seed,
        parent=origin.parent,
        teachers=origin.teachers,
        settings=_without_folders(settings.to_json()),
        code_version=find_code_version(),
        library_versions={"python": python_version(), **{name: version(name) for name in _LIBRARIES}},
    )


def _without_folders(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without local paths, because a version is copied to other machines."""
    names = {key: Path(path).name for key, path in settings.items() if key.endswith("_path") and path}
    return {**settings, **names}


_GIT_TIMEOUT_S = 10.0


def find_code_version() -> str:
    """Return the package's version, and the commit if it runs from a checkout."""
    try:
        package = version("emoscope")
    except PackageNotFoundError:
        package = "unknown"
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_TIMEOUT_S)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return package
    return f"{package}+{found.stdout.strip()}" if found.returncode == 0 else package
