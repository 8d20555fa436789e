"""Makes the int8 model of a served model, for processors that multiply 8-bit integers quickly: docs/decisions/0213.

Weights are stored in 8 bits; activations are quantised at run time (dynamic quantisation).
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from db.model_versions.metrics import Int8Metrics
from db.model_versions.records import KERAS_FILE
from training.data.dataset import Dataset, read_dataset
from training.data.examples import make_examples
from training.data.validation_pictures import read_validation_pictures
from training.data.votes import NO_MAJORITY
from training.errors import ArtifactError
from training.evaluation.calibrate import fit_temperature
from training.export.artifact import INT8_FILE, MANIFEST, record_file, verify_files
from training.export.lite import LiteModel, load_lite
from training.export.served import convert_to_int8, load_keras
from training.fit.runtime import keras
from training.fit.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Int8Limits:
    """Maximum loss of the int8 model on the validation rows. The shipped versions lose at most 0.001 and 0.002."""

    max_accuracy_loss: float = 0.01
    max_log_loss_rise: float = 0.02


LIMITS = Int8Limits()


@dataclass(frozen=True, slots=True)
class Int8Form:
    """The .tflite file, and its metrics compared with the float32 model on the validation rows."""

    content: bytes
    metrics: Int8Metrics


def quantize_served(
    served: "keras.Model",
    float32: LiteModel,
    temperature: float,
    images: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.int64],
    limits: Int8Limits = LIMITS,
) -> Int8Form | None:
    """Make the int8 model of a served model, with its own temperature. None if it would be worse than allowed.

    float32: the float32 .tflite model.
    temperature: of the served model.
    images: uint8 (N, 48, 48) of validation rows, truth: int64 (N,), 0 to 6, their labels. Without rows it can't be measured,
    and the result is None.
    """
    if not len(images):
        return None
    found = LiteModel(convert_to_int8(served)).predict(images)
    own = temperature * fit_temperature(np.log(np.maximum(found, 1e-12)), truth)
    content = convert_to_int8(served, temperature=own)
    probabilities, reference = LiteModel(content).predict(images), float32.predict(images)
    metrics = Int8Metrics(
        temperature=own,
        rows=len(images),
        accuracy=_measure_accuracy(probabilities, truth),
        log_loss=_measure_log_loss(probabilities, truth),
        float32_accuracy=_measure_accuracy(reference, truth),
        float32_log_loss=_measure_log_loss(reference, truth),
    )
    return Int8Form(content, metrics) if is_alike(metrics, limits) else None


def is_alike(metrics: Int8Metrics, limits: Int8Limits = LIMITS) -> bool:
    """Return whether the int8 model is as good as the float32 model, within the limits."""
    return (
        metrics["accuracy"] >= metrics["float32_accuracy"] - limits.max_accuracy_loss
        and metrics["log_loss"] <= metrics["float32_log_loss"] + limits.max_log_loss_rise
    )


def _measure_accuracy(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


def _measure_log_loss(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())


def add_int8(artifact_dir: Path, dataset: Dataset, limits: Int8Limits = LIMITS) -> Int8Metrics:
    """Add an int8 model to a version without one. This makes another version, because its manifest has another digest.

    dataset: that of the version. Raises ArtifactError if the int8 model would be worse, and as verify_files does.
    """
    manifest = verify_files(artifact_dir)
    settings = TrainSettings.from_json(manifest.lineage.settings)
    examples = make_examples(dataset, settings, read_validation_pictures(artifact_dir))
    is_clear = examples.validation_truth != NO_MAJORITY
    images, truth = dataset.images[examples.validation_rows[is_clear]], examples.validation_truth[is_clear]
    served = load_keras(artifact_dir / KERAS_FILE, manifest.files[KERAS_FILE].sha256)
    made = quantize_served(served, load_lite(artifact_dir), manifest.temperature, images, truth, limits)
    if made is None:
        raise ArtifactError("the int8 model is worse than allowed")
    path = artifact_dir / INT8_FILE
    path.write_bytes(made.content)
    # everything else keeps the names of its release
    stored = json.loads((artifact_dir / MANIFEST).read_text(encoding="utf-8"))
    stored["files"][INT8_FILE] = asdict(record_file(path))
    stored["metrics"]["int8"] = made.metrics
    (artifact_dir / MANIFEST).write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    return made.metrics


def main() -> None:
    """Add the int8 form to the folders of versions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="folders of versions")
    parser.add_argument("--csv", type=Path, required=True, help="the CSV that they were trained on")
    parser.add_argument("--votes", type=Path)
    asked = parser.parse_args()
    dataset = read_dataset(asked.csv, asked.votes)
    for folder in asked.folders:
        sys.stdout.write(f"{folder.name}: {add_int8(folder, dataset)}\n")


if __name__ == "__main__":
    main()
