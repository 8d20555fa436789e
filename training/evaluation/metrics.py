"""Computes all metrics of predictions against labels. Pure NumPy.

Two kinds of label: `fer2013`, the CSV's hard label, over all rows; and `ferplus`, the majority of ten people's votes, over rows
with a clear majority for one of the seven emotions. Both also without exact copies of training rows.
"""

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS
from db.model_versions.metrics import EvaluationReport, SpeedMetrics, SplitMetrics, TruthMetrics
from training.data.dataset import Dataset
from training.data.votes import NO_MAJORITY
from training.errors import DatasetError

Predict = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""uint8 crops (N, 48, 48) -> probabilities (N, 7)."""

_CALIBRATION_BINS = 15
_RESAMPLES = 2000
_TIMED_FACES = 300


def evaluate_model(predict: Predict, dataset: Dataset, part: str | None) -> EvaluationReport:
    """Evaluate a model on one split of a dataset, or on every row (None).

    Raises DatasetError if there are no such rows.
    """
    rows = np.arange(len(dataset.images)) if part is None else dataset.find_part(part)
    if not len(rows):
        raise DatasetError(f"the dataset has no {part or 'usable'} rows")
    figures = evaluate_rows(predict(dataset.images[rows]), dataset, rows)
    speed = time_model(predict, dataset.images[rows])
    return {"usage": part or "all", "dataset_sha256": dataset.sha256, **figures, **speed}


def evaluate_rows(
    probabilities: npt.NDArray[np.float32], dataset: Dataset, rows: npt.NDArray[np.int64]
) -> SplitMetrics:
    """Evaluate predictions for `rows` against each kind of label that the dataset has."""
    training = dataset.find_part("Training")
    trained_on = dataset.find_copies_of(np.setdiff1d(training, rows), among=rows)
    # If training rows are evaluated too, rows of other splits may be copies of them.
    is_copy = trained_on | (~np.isin(rows, training) & dataset.find_copies_of(training, among=rows))
    found: SplitMetrics = {"rows": len(rows), "copies_of_training_rows": int(is_copy.sum())}
    hard = _measure_truth(probabilities, dataset.labels[rows], is_copy)
    if hard is not None:
        found["fer2013"] = hard
    soft = None if dataset.votes is None else _measure_truth(probabilities, dataset.votes.majorities[rows], is_copy)
    if soft is not None:
        found["ferplus"] = soft
    return found


def _measure_truth(
    probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64], is_copy: npt.NDArray[np.bool_]
) -> TruthMetrics | None:
    """Return None if no row has a clear label."""
    is_known = truth != NO_MAJORITY
    if not is_known.any():
        return None
    found = compute_metrics(probabilities[is_known], truth[is_known])
    is_new = is_known & ~is_copy
    if is_new.any():
        new = compute_metrics(probabilities[is_new], truth[is_new])
        found["without_copies"] = {"rows": new["rows"], "accuracy": new["accuracy"], "macro_f1": new["macro_f1"]}
    return found


def compute_metrics(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> TruthMetrics:
    """Compute all metrics of predictions against one kind of label.

    probabilities: float (N, 7), rows summing to 1. truth: int (N,), 0 to 6; N at least 1. Shares are 0 to 1; log-loss is in nats;
    intervals contain 95 % of bootstrap resamples; `reliability` has mean confidence, accuracy and share of faces of each
    confidence bin. macro-F1 is over the classes that occur in `truth`.
    """
    confusion = count_confusion(probabilities.argmax(axis=1), truth)
    precision, recall, f1 = (figure.tolist() for figure in _class_metrics(confusion))
    support = confusion.sum(axis=1).tolist()
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    classes = zip(EMOTIONS, precision, recall, f1, support, strict=True)
    return {
        "rows": len(truth),
        "accuracy": float(compute_accuracy(confusion)),
        "macro_f1": float(compute_macro_f1(confusion)),
        "log_loss": float(-np.log(np.maximum(of_truth, 1e-12)).mean()),
        "calibration_error": measure_calibration_error(probabilities, truth),
        "reliability": [[mean, mean + gap, share] for mean, gap, share in bin_confidences(probabilities, truth)],
        "intervals": _bootstrap_intervals(confusion),
        "per_class": {
            str(emotion): {"precision": p, "recall": r, "f1": f, "support": n} for emotion, p, r, f, n in classes
        },
        "confusion": confusion.tolist(),
    }


def count_confusion(answers: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the confusion matrix, int64 (7, 7): rows are labels, columns are predictions."""
    size = len(EMOTIONS)
    return np.bincount(truth * size + answers, minlength=size * size).reshape(size, size)


def measure_calibration_error(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float:
    """Return the expected calibration error: mean distance of confidence and accuracy over 15 bins of equal width, weighted by
    faces.
    """
    return float(sum(abs(gap) * share for _, gap, share in bin_confidences(probabilities, truth)))


def bin_confidences(
    probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]
) -> list[tuple[float, float, float]]:
    """Return for each non-empty confidence bin: mean confidence, accuracy minus that, share of all faces."""
    confidences = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidences * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    found = []
    for number in np.unique(bins):
        inside = bins == number
        mean = float(confidences[inside].mean())
        found.append((mean, float(is_right[inside].mean()) - mean, float(inside.mean())))
    return found


def compute_accuracy(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the accuracy of each confusion matrix: (..., 7, 7) -> (...)."""
    return np.asarray(np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1)), np.float64)


def _class_metrics(confusion: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Return precision, recall and F1 by class, each (..., 7); 0 if undefined."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)
    answered, occurring = confusion.sum(axis=-2), confusion.sum(axis=-1)
    f1 = 2 * right / np.maximum(answered + occurring, 1)
    return right / np.maximum(answered, 1), right / np.maximum(occurring, 1), f1


def compute_macro_f1(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mean F1 of the classes that occur, for each confusion matrix: (..., 7, 7) -> (...)."""
    occurs = confusion.sum(axis=-1) > 0
    return np.asarray((_class_metrics(confusion)[2] * occurs).sum(axis=-1) / occurs.sum(axis=-1), np.float64)


def _bootstrap_intervals(confusion: npt.NDArray[np.int64]) -> dict[str, list[float]]:
    """Compute bootstrap intervals. Resampling rows is resampling the cells of the confusion matrix: one multinomial draw per
    resample.
    """
    count = int(confusion.sum())
    draws = np.random.default_rng(0).multinomial(count, confusion.ravel() / count, size=_RESAMPLES)
    resampled = draws.reshape(_RESAMPLES, *confusion.shape)
    figures = {"accuracy": compute_accuracy(resampled), "macro_f1": compute_macro_f1(resampled)}
    return {name: np.percentile(values, [2.5, 97.5]).tolist() for name, values in figures.items()}


def time_model(predict: Predict, images: npt.NDArray[np.uint8]) -> SpeedMetrics:
    """Return milliseconds for a single face, and faces per second in one call, both after a warm-up."""
    faces = images[:_TIMED_FACES]
    predict(faces[:1])
    singles = []
    for index in range(min(len(faces), 50)):
        started = time.perf_counter()
        predict(faces[index : index + 1])
        singles.append(time.perf_counter() - started)
    started = time.perf_counter()
    predict(faces)
    return {
        "ms_a_face": float(np.median(singles) * 1000),
        "faces_a_second": len(faces) / (time.perf_counter() - started),
    }
