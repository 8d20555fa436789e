"""Compares champion and challenger on the same test rows: the gate's decision, and the metrics of both."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE
from db.model_versions.metrics import ComparedMetrics, ReviewedMetrics
from training.data.corrections import HOLDOUT_PART, LabelledFaces
from training.data.dataset import Dataset
from training.data.votes import NO_MAJORITY
from training.errors import DatasetError
from training.evaluation.gate import Answers, Decision, GateLimits, decide_promotion
from training.evaluation.gate_reviewed import check_better, check_not_worse, count_pairs, decide_across_labels
from training.evaluation.metrics import compute_metrics
from training.evaluation.set_gate import SetAnswers, check_sets
from training.evaluation.sets import EvaluationSet, compute_set_metrics, make_stress_sets
from training.export.lite import LiteModel, load_lite
from training.fit.settings import Labels

_TURNS = 30
NO_FACES = LabelledFaces(np.empty((0, CROP_SIDE, CROP_SIDE), np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class AcrossLabels:
    """How to compare if the champion was trained on another kind of labels.

    reference_dir: the best version on the challenger's kind, or None. least_reviewed_faces: reviewers' labels required to replace
    the champion.
    """

    reference_dir: Path | None
    least_reviewed_faces: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The gate's decision, and the metrics of each model on the compared rows.

    reference: of the best version on the challenger's labels, if the champion was trained on others. reviewed: of champion and
    challenger on faces labelled by reviewers, if there are any.
    """

    decision: Decision
    champion: ComparedMetrics
    challenger: ComparedMetrics
    reference: ComparedMetrics | None = None
    reviewed: ReviewedMetrics | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def find_holdout(dataset: Dataset, labels: Labels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the positions of the test rows with a clear label, and these labels, int64, of the kind used for training.

    Exact copies of training rows are left out, because a model may have memorized them. Raises DatasetError if no row is left, or
    votes are requested and the dataset has none.
    """
    if labels == "soft" and dataset.votes is None:
        raise DatasetError("the dataset has no votes, which the comparison needs")
    rows = dataset.find_part(HOLDOUT_PART)
    rows = rows[~dataset.find_copies_of(dataset.find_part("Training"), among=rows)]
    truth = dataset.labels if labels == "hard" or dataset.votes is None else dataset.votes.majorities
    rows = rows[truth[rows] != NO_MAJORITY]
    if not len(rows):
        raise DatasetError(
            f"the dataset has no {HOLDOUT_PART} rows with a clear label that aren't also Training rows, so models can't be "
            "compared on it"
        )
    return rows, truth[rows]


def _answer_set(models: Sequence[LiteModel], evaluated: EvaluationSet) -> SetAnswers:
    champion, challenger = models[:2]
    return SetAnswers(evaluated, champion.predict(evaluated.crops), challenger.predict(evaluated.crops))


def compare_versions(
    champion_dir: Path,
    challenger_dir: Path,
    dataset: Dataset,
    labels: Labels,
    limits: GateLimits,
    evaluation_sets: Sequence[EvaluationSet] = (),
    *,
    reviewed: LabelledFaces | None = None,
    across: AcrossLabels | None = None,
) -> Comparison:
    """Run the models on the same rows, as served on CPUs, and apply the gate.

    The folders contain versions.
    evaluation_sets: the challenger is rejected if it is significantly worse on one. The stress tests of the same rows are
    measured too, but don't count.
    reviewed: randomly drawn faces with reviewers' labels, on which none of the models was trained.
    across: set if the champion was trained on another kind of labels than the challenger.
    Raises DatasetError as find_holdout does, ArtifactError for unusable files.
    """
    rows, truth = find_holdout(dataset, labels)
    reference_dir = across.reference_dir if across is not None else None
    folders = [champion_dir, challenger_dir, *([reference_dir] if reference_dir is not None else [])]
    models = [load_lite(folder) for folder in folders]
    images = dataset.images[rows]
    times_ms = _time_side_by_side(models, images[:1])
    answers = [Answers(model.predict(images), ms) for model, ms in zip(models, times_ms, strict=True)]
    champion, challenger, *others = answers
    gated = [_answer_set(models, each) for each in evaluation_sets]
    # Faces unlike the training set of a toy or first model, such as one on its side, say little about the next model: reported,
    # but not decisive.
    sets = [*gated, *(_answer_set(models, each) for each in make_stress_sets(dataset, rows, truth))]
    faces = reviewed or NO_FACES
    old, new = (model.predict(faces.images) for model in models[:2])
    if across is None:
        further = (check_sets(gated), check_not_worse(old, new, faces.labels, limits))
        counted = count_pairs(old, new, faces.labels)
        decision = decide_promotion(champion, challenger, truth, limits, further=further, reviewed=counted)
    else:
        check = check_better(old, new, faces.labels, limits, across.least_reviewed_faces)
        reference = others[0] if others else None
        decision = decide_across_labels(reference, champion, challenger, truth, (check_sets(gated), check), limits)
    figures: list[ComparedMetrics] = [
        {**compute_metrics(answer.probabilities, truth), "ms_a_face": answer.ms_a_face, "sets": {}}
        for answer in answers
    ]
    figures[0]["sets"], figures[1]["sets"] = (
        {each.evaluated.name: compute_set_metrics(getattr(each, side), each.evaluated) for each in sets}
        for side in ("champion", "challenger")
    )
    return Comparison(
        decision,
        champion=figures[0],
        challenger=figures[1],
        reference=figures[2] if others else None,
        reviewed=_measure_reviewed(old, new, faces.labels),
    )


def find_best(folders: Sequence[Path], dataset: Dataset, labels: Labels) -> Path:
    """Return the folder of the most accurate of these versions on the test rows; in a tie the first.

    Raises DatasetError and ArtifactError as compare_versions does.
    """
    rows, truth = find_holdout(dataset, labels)
    images = dataset.images[rows]

    def measure(folder: Path) -> float:
        return float((load_lite(folder).predict(images).argmax(axis=1) == truth).mean())

    return folders[0] if len(folders) == 1 else max(folders, key=measure)


def _measure_reviewed(
    old: npt.NDArray[np.float32], new: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]
) -> ReviewedMetrics | None:
    if not len(truth):
        return None
    return {"champion": compute_metrics(old, truth), "challenger": compute_metrics(new, truth)}


def _time_side_by_side(models: list[LiteModel], face: npt.NDArray[np.uint8]) -> list[float]:
    """Return the least milliseconds of this thread's processor time per face, by model, measured alternately.

    A run has low priority, so that wall-clock time would measure the load of the machine.
    """
    times: list[list[float]] = [[] for _ in models]
    for _ in range(_TURNS):
        for model, taken in zip(models, times, strict=True):
            started = time.thread_time()
            model.predict(face)
            taken.append((time.thread_time() - started) * 1000)
    return [min(taken) for taken in times]
