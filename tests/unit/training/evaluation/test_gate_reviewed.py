"""Decisions by reviewers' labels."""

import numpy as np
import numpy.typing as npt
import pytest

from training.evaluation.gate import Answers, GateLimits
from training.evaluation.gate_reviewed import check_better, check_not_worse, decide_across_labels

LIMITS = GateLimits()
TRUTH = np.arange(140) % 7


def answer(wrong: int, first: int = 0) -> npt.NDArray[np.float32]:
    """Right on all faces but `wrong` in a row, sure of each."""
    said = TRUTH.copy()
    said[first : first + wrong] = (said[first : first + wrong] + 1) % 7
    return np.eye(7, dtype=np.float32)[said] * 0.93 + 0.01


@pytest.mark.parametrize(("old", "new", "is_passed"), [(20, 20, True), (20, 10, True), (10, 20, False), (0, 0, True)])
def test_labels_of_reviewers_keep_a_worse_model_out(old: int, new: int, *, is_passed: bool) -> None:
    assert check_not_worse(answer(old), answer(new), TRUTH, LIMITS).is_passed is is_passed


def test_no_labels_show_no_loss() -> None:
    none = np.empty((0, 7), np.float32)
    check = check_not_worse(none, none, np.empty(0, np.int64), LIMITS)
    assert (check.is_passed, "no face drawn at random" in check.reason) == (True, True)


@pytest.mark.parametrize(
    ("old", "new", "faces", "is_passed"),
    [(20, 10, 140, True), (20, 18, 140, False), (10, 10, 140, False), (10, 20, 140, False), (20, 10, 29, False)],
)
def test_across_labels_a_gain_must_be_shown_on_enough_faces(old: int, new: int, faces: int, *, is_passed: bool) -> None:
    check = check_better(answer(old)[:faces], answer(new)[:faces], TRUTH[:faces], LIMITS, least_faces=30)
    assert check.is_passed is is_passed
    assert ("labelled 29 faces" in check.reason) is (faces == 29)


def decide(*, reference: int | None, champion: int, challenger: int, is_shown: bool) -> tuple[bool, str]:
    reviewed = check_better(answer(40), answer(0 if is_shown else 40), TRUTH, LIMITS, least_faces=30)
    found = decide_across_labels(
        None if reference is None else Answers(answer(reference), 1.0),
        Answers(answer(champion), 1.0),
        Answers(answer(challenger), 1.0),
        TRUTH,
        [reviewed],
        LIMITS,
    )
    return found.is_promoted, found.reason


@pytest.mark.parametrize("reference", [10, None])
def test_a_challenger_on_other_labels_is_promoted_for_what_reviewers_say(reference: int | None) -> None:
    is_promoted, reason = decide(reference=reference, champion=60, challenger=10, is_shown=True)
    assert is_promoted
    assert "by reviewers' labels of 140 faces drawn at random, 40 gained and 0 lost" in reason


@pytest.mark.parametrize("reference", [10, None])
def test_accuracy_on_the_csvs_labels_alone_promotes_nothing(reference: int | None) -> None:
    assert not decide(reference=reference, champion=60, challenger=10, is_shown=False)[0]


def test_a_challenger_that_falls_behind_the_best_version_on_its_labels_is_rejected() -> None:
    is_promoted, reason = decide(reference=0, champion=60, challenger=20, is_shown=True)
    assert not is_promoted
    assert "beside the best version on these labels, accuracy went from 1.0000" in reason


def test_a_challenger_that_falls_behind_the_champion_is_rejected() -> None:
    is_promoted, reason = decide(reference=20, champion=0, challenger=20, is_shown=True)
    assert not is_promoted
    assert "beside the champion, accuracy went from 1.0000" in reason
