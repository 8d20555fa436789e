"""Evaluation sets: labelled faces besides the configured CSV, complete or by slice, and a version's metrics on them. No
TensorFlow.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS, Emotion
from db.model_versions.metrics import SetMetrics, SliceMetrics
from training.data.dataset import Dataset
from training.evaluation.metrics import Predict, compute_metrics, measure_calibration_error
from training.evaluation.stress import STRESSES, stress_crops

MAX_STRESS_ROWS = 1000
"""Rows per stress test: enough to detect a difference of three points, and half a minute of computing for all tests."""


@dataclass(frozen=True)
class EvaluationSet:
    """Faces with one label each.

    crops: uint8 (N, 48, 48).
    truth: int64 (N,), 0 to 6.
    slices: by name, which faces belong to it, bool (N,).
    missed: labels of the photos without a detected face, int64 (M,); they count as wrong in accuracy.
    """

    name: str
    crops: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.int64]
    slices: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    missed: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


_THRESHOLDS = (0.5, 0.6, 0.7)


def evaluate_set(predict: Predict, evaluated: EvaluationSet) -> SetMetrics:
    """Classify the faces of a set and compute metrics. The set has at least one face."""
    return compute_set_metrics(predict(evaluated.crops), evaluated)


def compute_set_metrics(probabilities: npt.NDArray[np.float32], evaluated: EvaluationSet) -> SetMetrics:
    """Compute the metrics of a version's probabilities (N, 7) for the faces of a set."""
    truth, answers, confidences = evaluated.truth, probabilities.argmax(axis=1), probabilities.max(axis=1)
    metrics = compute_metrics(probabilities, truth)
    everyone = np.concatenate([truth, evaluated.missed])
    is_right = answers == truth
    right_of_class = np.bincount(truth[is_right], minlength=len(EMOTIONS))
    size_of_class = np.bincount(everyone, minlength=len(EMOTIONS))
    recall = {
        str(emotion): float(right_of_class[place] / size_of_class[place])
        for place, emotion in enumerate(EMOTIONS)
        if size_of_class[place]
    }
    return SetMetrics(
        rows=len(everyone),
        missed=len(evaluated.missed),
        accuracy=float(is_right.sum() / len(everyone)),
        accuracy_without_neutral=_measure_without_neutral(probabilities, truth),
        macro_f1=metrics["macro_f1"],
        mean_recall=float(np.mean(list(recall.values()))),
        calibration_error=metrics["calibration_error"],
        mean_confidence=float(confidences.mean()),
        recall=recall,
        per_class=metrics["per_class"],
        uncertain={f"{threshold:g}": _count_marked(confidences < threshold, is_right) for threshold in _THRESHOLDS},
        slices={
            name: _measure_slice(probabilities[inside], truth[inside])
            for name, inside in evaluated.slices.items()
            if inside.any()
        },
    )


def make_stress_sets(
    dataset: Dataset, rows: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]
) -> list[EvaluationSet]:
    """Make the stress tests of rows of the CSV, at most MAX_STRESS_ROWS, evenly spaced.

    truth: int64, one for each of `rows`.
    """
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), MAX_STRESS_ROWS)).astype(np.int64)
    crops = dataset.images[rows[chosen]]
    return [EvaluationSet(f"stress/{name}", stress_crops(crops, name), truth[chosen]) for name in STRESSES]


def _measure_without_neutral(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float | None:
    """Return the accuracy among the six other emotions, on faces labelled with one of them."""
    neutral = EMOTIONS.index(Emotion.NEUTRAL)
    is_other = truth != neutral
    if not is_other.any():
        return None
    answers = np.where(np.arange(len(EMOTIONS)) == neutral, -1.0, probabilities[is_other]).argmax(axis=1)
    return float((answers == truth[is_other]).mean())


def _measure_slice(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> SliceMetrics:
    return SliceMetrics(
        rows=len(truth),
        accuracy=float((probabilities.argmax(axis=1) == truth).mean()),
        calibration_error=measure_calibration_error(probabilities, truth),
        mean_confidence=float(probabilities.max(axis=1).mean()),
    )


def _count_marked(is_marked: npt.NDArray[np.bool_], is_right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return the shares of the wrong and of the right predictions that are marked."""
    wrong, right = is_marked[~is_right], is_marked[is_right]
    return float(wrong.mean()) if len(wrong) else 0.0, float(right.mean()) if len(right) else 0.0
