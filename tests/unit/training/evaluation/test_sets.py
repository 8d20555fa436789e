from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.faces_of_sets import FACES
from training.data.dataset import read_dataset
from training.evaluation.sets import MAX_STRESS_ROWS, EvaluationSet, compute_set_metrics, make_stress_sets
from training.evaluation.stress import STRESSES


def give(answers: Sequence[int], confidence: float = 0.7) -> npt.NDArray[np.float32]:
    probabilities = np.full((len(answers), 7), (1 - confidence) / 6, np.float32)
    probabilities[np.arange(len(answers)), answers] = confidence
    return probabilities


def test_photos_without_a_face_count_as_wrong() -> None:
    evaluated = EvaluationSet("photos", FACES[:2], np.array([3, 4]), missed=np.array([3, 3]))
    found = compute_set_metrics(give([3, 4]), evaluated)
    assert (found["rows"], found["missed"], found["accuracy"]) == (4, 2, 0.5)
    assert found["recall"] == {"happy": pytest.approx(1 / 3), "neutral": 1.0}


def test_without_neutral_the_best_other_answer_counts() -> None:
    evaluated = EvaluationSet("photos", FACES[:2], np.array([0, 4]))
    probabilities = give([4, 4])
    probabilities[0, 0] += 0.01
    assert compute_set_metrics(probabilities, evaluated)["accuracy_without_neutral"] == 1.0


def test_each_slice_is_measured_alone() -> None:
    evaluated = EvaluationSet("photos", FACES[:3], np.array([0, 3, 3]), {"age=old": np.array([True, False, True])})
    assert compute_set_metrics(give([0, 3, 5]), evaluated)["slices"]["age=old"]["accuracy"] == 0.5


def test_uncertain_counts_wrong_and_right_answers_apart() -> None:
    evaluated = EvaluationSet("photos", FACES[:4], np.array([0, 0, 0, 0]))
    probabilities = np.concatenate([give([0, 1], 0.55), give([0, 1], 0.9)])
    assert compute_set_metrics(probabilities, evaluated)["uncertain"]["0.6"] == (0.5, 0.5)


def test_stress_sets_are_drawn_from_the_rows_given(small_csv: Path) -> None:
    dataset = read_dataset(small_csv)
    rows = dataset.find_part("PublicTest")
    sets = make_stress_sets(dataset, rows, dataset.labels[rows])
    assert {each.name for each in sets} == {f"stress/{name}" for name in STRESSES}
    assert all(len(each.truth) == min(len(rows), MAX_STRESS_ROWS) for each in sets)
