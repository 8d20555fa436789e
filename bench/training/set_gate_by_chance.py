"""Measures how often the gate's check of evaluation sets rejects an equal model: two equally accurate versions that differ by
chance.

`python -m bench.training.set_gate_by_chance`: sets of 200 to 1,000 faces with eight slices each, at three rates of
disagreement.
"""

import json

import numpy as np
import numpy.typing as npt

from training.evaluation.set_gate import SetAnswers, SetLimits, check_sets
from training.evaluation.sets import EvaluationSet

_RUNS = 400
_ACCURACY = 0.8
_SIZES = (200, 400, 845, 1000)


def main() -> None:
    """Print a JSON object: share of rejected runs by margin and by the share of faces on which the models disagree."""
    found = {
        f"margin {margin}, disagreement {disagreement}": _measure(margin, disagreement)
        for margin in (0.0, 0.01)
        for disagreement in (0.02, 0.08, 0.3)
    }
    print(json.dumps({"runs": _RUNS, "rejected": found}, indent=1))


def _measure(margin: float, disagreement: float) -> float:
    limits = SetLimits(margin=margin)
    rejected = sum(not check_sets(_draw_sets(run, disagreement), limits).is_passed for run in range(_RUNS))
    return rejected / _RUNS


def _draw_sets(run: int, disagreement: float) -> list[SetAnswers]:
    random = np.random.default_rng(run)
    return [_draw_set(f"set {size}", size, disagreement, random) for size in _SIZES]


def _draw_set(name: str, size: int, disagreement: float, random: np.random.Generator) -> SetAnswers:
    truth = random.integers(0, 7, size)
    is_right = random.random(size) < _ACCURACY
    differs = random.random(size) < disagreement
    is_old_right = random.random(size) < 0.5
    old, new = (np.where(differs, side, is_right) for side in (is_old_right, ~is_old_right))
    slices = {str(number): random.random(size) < 0.2 for number in range(8)}
    evaluated = EvaluationSet(name, np.zeros((size, 1, 1), np.uint8), truth, slices)
    return SetAnswers(evaluated, _answer(old, truth), _answer(new, truth))


def _answer(is_right: npt.NDArray[np.bool_], truth: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    answers = np.where(is_right, truth, (truth + 1) % 7)
    probabilities = np.full((len(truth), 7), (1 - _ACCURACY) / 6, np.float32)
    probabilities[np.arange(len(truth)), answers] = _ACCURACY
    return probabilities


if __name__ == "__main__":
    main()
