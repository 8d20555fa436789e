"""Champion and challenger on the same held-out rows -> the gate's decision, and the figures of both."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.corrections import HOLDOUT_PART
from training.data.dataset import Dataset
from training.data.votes import NO_MAJORITY
from training.errors import DatasetError
from training.evaluation.gate import Answers, Decision, GateLimits, decide_promotion
from training.evaluation.metrics import compute_metrics
from training.evaluation.set_gate import SetAnswers, check_sets
from training.evaluation.sets import EvaluationSet, compute_set_metrics, make_stress_sets
from training.export.artifact import TFLITE_FILE, verify_files
from training.export.lite import LiteModel
from training.fit.settings import Labels

_TURNS = 30


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the gate said, and of each model the figures on the held-out rows that it was compared on."""

    decision: Decision
    champion: dict[str, Any]
    challenger: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As plain values that JSON holds."""
        return asdict(self)


def find_holdout(dataset: Dataset, labels: Labels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions of the held-out rows that have one clear answer, and the answers, int64, by the labels that are taught.

    Exact copies of Training rows are left out: a model may know them by heart.
    Raises DatasetError if no row is left, or votes are asked for and the dataset has none.
    """
    if labels == "votes" and dataset.votes is None:
        raise DatasetError("the dataset has no votes to judge by")
    rows = dataset.find_part(HOLDOUT_PART)
    rows = rows[~dataset.find_copies_of(dataset.find_part("Training"), among=rows)]
    truth = dataset.labels if labels == "single" or dataset.votes is None else dataset.votes.majorities
    rows = rows[truth[rows] != NO_MAJORITY]
    if not len(rows):
        raise DatasetError(
            f"the dataset has no {HOLDOUT_PART} rows with a clear label that aren't Training rows too, so no two models can be "
            "compared on it"
        )
    return rows, truth[rows]


def compare_versions(
    champion_dir: Path,
    challenger_dir: Path,
    dataset: Dataset,
    labels: Labels,
    limits: GateLimits,
    evaluation_sets: Sequence[EvaluationSet] = (),
) -> Comparison:
    """Let both models answer the same rows, as they would be served on CPUs, and ask the gate.

    The folders hold versions. evaluation_sets: what both are compared on beside the stress tests of the same rows, none of which
    may show the challenger to be worse.
    Raises DatasetError as find_holdout does, ArtifactError for files that can't be used.
    """
    rows, truth = find_holdout(dataset, labels)
    images = dataset.images[rows]
    for folder in (champion_dir, challenger_dir):
        verify_files(folder)
    models = [LiteModel(folder / TFLITE_FILE) for folder in (champion_dir, challenger_dir)]
    times_ms = _time_side_by_side(models, images[:1])
    answers = [Answers(model.predict(images), ms) for model, ms in zip(models, times_ms, strict=True)]
    champion, challenger = (
        compute_metrics(answer.probabilities, truth) | {"ms_a_face": answer.ms_a_face} for answer in answers
    )
    sets = [
        SetAnswers(each, models[0].predict(each.crops), models[1].predict(each.crops))
        for each in (*evaluation_sets, *make_stress_sets(dataset, rows, truth))
    ]
    decision = decide_promotion(answers[0], answers[1], truth, limits, further=(check_sets(sets),))
    champion["sets"], challenger["sets"] = (
        {each.evaluated.name: compute_set_metrics(getattr(each, side), each.evaluated).model_dump() for each in sets}
        for side in ("champion", "challenger")
    )
    return Comparison(decision, champion, challenger)


def _time_side_by_side(models: list[LiteModel], face: npt.NDArray[np.uint8]) -> list[float]:
    """Least milliseconds of this thread's own computing for one face, by model, in turns.

    A run gives way to everything else on its machine, so that the clock on the wall would say how busy that is.
    """
    times: list[list[float]] = [[] for _ in models]
    for _ in range(_TURNS):
        for model, taken in zip(models, times, strict=True):
            started = time.thread_time()
            model.predict(face)
            taken.append((time.thread_time() - started) * 1000)
    return [min(taken) for taken in times]
