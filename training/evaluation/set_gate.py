"""The gate's check on evaluation sets: rejects a challenger that is worse than the champion on a set or slice.

It is rejected if a one-sided interval of the loss in accuracy lies completely above a margin. The interval is widened for the
number of sets and slices (Bonferroni), so that equal models are rejected in at most 5 of 100 runs: `python -m
bench.training.set_gate_by_chance`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from training.evaluation.gate import Check
from training.evaluation.metrics import measure_calibration_error
from training.evaluation.sets import EvaluationSet

MIN_ROWS = 30
"""Slices with fewer faces are ignored."""
MIN_CALIBRATION_ROWS = 300
"""The calibration error of fewer faces is mostly noise."""


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Limits on the challenger's losses on a set. margin: of accuracy. significance: probability of rejecting an equal model.

    max_calibration_loss: how far the calibration error may rise, unless it stays below calibration_bound.
    """

    margin: float = 0.01
    significance: float = 0.05
    max_calibration_loss: float = 0.03
    calibration_bound: float = 0.05


@dataclass(frozen=True, slots=True)
class SetAnswers:
    """Both models' predictions for the faces of a set: probabilities, float (N, 7) each."""

    evaluated: EvaluationSet
    champion: npt.NDArray[np.float32]
    challenger: npt.NDArray[np.float32]


def check_sets(sets: Sequence[SetAnswers], limits: SetLimits = SetLimits()) -> Check:
    """Pass unless the challenger is significantly worse on a set or slice, or much less calibrated on a set; name the sets."""
    parts = [part for answers in sets for part in _list_parts(answers)]
    if not parts:
        return Check("sets", is_passed=True, reason="no evaluation set has enough faces")
    calibrated = [answers for answers in sets if len(answers.evaluated.truth) >= MIN_CALIBRATION_ROWS]
    reach = NormalDist().inv_cdf(1 - limits.significance / (len(parts) + len(calibrated)))
    worse = [reason for reason in (_describe_loss(part, reach, limits.margin) for part in parts) if reason]
    worse += [reason for reason in (_describe_calibration(answers, reach, limits) for answers in calibrated) if reason]
    if worse:
        return Check("sets", is_passed=False, reason="; ".join(worse))
    count = f"{len(sets)} evaluation sets with {len(parts)} parts"
    return Check("sets", is_passed=True, reason=f"on none of {count} it is shown to be worse by {limits.margin}")


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    gained: int
    lost: int
    rows: int


def _list_parts(answers: SetAnswers) -> list[_Part]:
    truth = answers.evaluated.truth
    was_right = answers.champion.argmax(axis=1) == truth
    is_right = answers.challenger.argmax(axis=1) == truth
    whole = {answers.evaluated.name: np.ones(len(truth), bool)}
    slices = {f"{answers.evaluated.name}, {name}": inside for name, inside in answers.evaluated.slices.items()}
    return [
        _Part(
            name,
            int((is_right & ~was_right)[inside].sum()),
            int((was_right & ~is_right)[inside].sum()),
            int(inside.sum()),
        )
        for name, inside in (whole | slices).items()
        if inside.sum() >= MIN_ROWS
    ]


def _describe_loss(part: _Part, reach: float, margin: float) -> str:
    """Describe why the challenger is worse on a part, or return None."""
    loss = (part.lost - part.gained) / part.rows
    spread = (part.lost + part.gained) / part.rows - loss**2
    least = loss - reach * float(np.sqrt(spread / part.rows))
    if least <= margin:
        return ""
    return (
        f"on {part.name} it lost {part.lost} of {part.rows} faces and gained {part.gained}: accuracy fell by {loss:.3f}, by at "
        f"least {least:.3f} (margin {margin})"
    )


def _describe_calibration(answers: SetAnswers, reach: float, limits: SetLimits) -> str:
    """Describe why the challenger's calibration is too poor on a set, or return None.

    The error has noise from the faces that only one model classified correctly, as accuracy has.
    """
    truth = answers.evaluated.truth
    differs = (answers.champion.argmax(axis=1) == truth) != (answers.challenger.argmax(axis=1) == truth)
    chance = reach * float(np.sqrt(differs.sum())) / len(truth)
    before = measure_calibration_error(answers.champion, truth)
    after = measure_calibration_error(answers.challenger, truth)
    if after <= max(before + limits.max_calibration_loss + chance, limits.calibration_bound):
        return ""
    return f"on {answers.evaluated.name} the calibration error rose from {before:.3f} to {after:.3f}"
