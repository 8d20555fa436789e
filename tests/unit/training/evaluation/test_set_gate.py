from typing import Any

import numpy as np
import numpy.typing as npt

from training.evaluation.gate import Check
from training.evaluation.set_gate import SetAnswers, SetLimits, check_sets
from training.evaluation.sets import EvaluationSet

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 7, 600)
CROPS = np.zeros((600, 48, 48), np.uint8)


def answer(is_right: npt.NDArray[np.bool_], confidence: float = 0.8) -> npt.NDArray[np.float32]:
    answers = np.where(is_right, TRUTH, (TRUTH + 1) % 7)
    probabilities = np.full((len(TRUTH), 7), (1 - confidence) / 6, np.float32)
    probabilities[np.arange(len(TRUTH)), answers] = confidence
    return probabilities


def compare(
    champion: npt.NDArray[np.float32],
    challenger: npt.NDArray[np.float32],
    slices: dict[str, npt.NDArray[np.bool_]] | None = None,
    **limits: Any,
) -> Check:
    evaluated = EvaluationSet("photos", CROPS, TRUTH, slices or {})
    return check_sets([SetAnswers(evaluated, champion, challenger)], SetLimits(**limits))


def test_a_loss_beyond_the_margin_and_chance_is_rejected_by_name() -> None:
    right = RANDOM.random(600) < 0.8
    worse = right & (np.arange(600) % 8 > 0)
    check = compare(answer(right), answer(worse))
    assert not check.is_passed
    assert check.reason.startswith("on photos it lost ")


def test_equal_models_pass() -> None:
    right = RANDOM.random(600) < 0.8
    assert compare(answer(right), answer(right)).is_passed


def test_a_loss_that_may_be_chance_passes() -> None:
    right = RANDOM.random(600) < 0.8
    other = right.copy()
    other[np.flatnonzero(right)[:8]] = False
    assert compare(answer(right), answer(other)).is_passed


def test_a_slice_alone_is_enough_to_be_rejected() -> None:
    right = np.ones(600, bool)
    inside = np.arange(600) < 60
    worse = right & ~(inside & (np.arange(600) % 2 == 0))
    check = compare(answer(right, 0.95), answer(worse, 0.95), {"age=old": inside}, margin=0.06)
    assert not check.is_passed
    assert "photos, age=old" in check.reason
    assert "on photos it" not in check.reason


def test_confidence_far_from_accuracy_is_rejected() -> None:
    right = RANDOM.random(600) < 0.8
    check = compare(answer(right, 0.8), answer(right, 0.99))
    assert "the calibration error rose" in check.reason


def test_equal_models_are_rejected_in_at_most_5_of_100_runs() -> None:
    rejected = 0
    for run in range(200):
        random = np.random.default_rng(run)
        old, new = (answer(random.random(600) < 0.8) for _ in range(2))
        slices = {str(n): random.random(600) < 0.2 for n in range(8)}
        rejected += not compare(old, new, slices).is_passed
    assert rejected <= 10
