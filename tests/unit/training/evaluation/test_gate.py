import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.gate import (
    Answers,
    Decision,
    GateLimits,
    HoldoutMismatchError,
    PairedCount,
    compare_macro_f1,
    compute_one_sided_mcnemar_p,
    decide_promotion,
)

TRUTH = np.random.default_rng(0).integers(0, 7, 2000)


def answer(
    accuracy: float, *, seed: int = 1, confidence: float | None = None, ms: float = 1.0, wrong_class: int | None = None
) -> Answers:
    """Answers right for that share of faces; confidence is honest unless given."""
    random = np.random.default_rng(seed)
    answers = np.where(random.random(len(TRUTH)) < accuracy, TRUTH, (TRUTH + 1) % 7)
    if wrong_class is not None:
        answers = np.where(wrong_class == TRUTH, (TRUTH + 1) % 7, TRUTH)
    sure = confidence or accuracy
    probabilities = np.full((len(TRUTH), 7), (1 - sure) / 6, np.float32)
    probabilities[np.arange(len(TRUTH)), answers] = sure
    return Answers(probabilities, ms)


def be_sure_of(emotions: npt.NDArray[np.int64]) -> Answers:
    """Answers with these emotions, each with certainty."""
    return Answers(np.eye(7, dtype=np.float32)[emotions], 1.0)


def failed(decision: Decision) -> set[str]:
    return {check.name for check in decision.checks if not check.is_passed}


def test_a_clearly_better_challenger_is_promoted_with_its_reason() -> None:
    decision = decide_promotion(answer(0.7), answer(0.8), TRUTH)
    assert decision.is_promoted
    assert decision.reason.startswith("promoted: ")
    assert "accuracy went from 0.7040 to 0.7970" in decision.reason


def test_an_equal_challenger_is_not_promoted() -> None:
    decision = decide_promotion(answer(0.7), answer(0.7), TRUTH)
    assert not decision.is_promoted
    assert failed(decision) == {"gain"}
    assert "0 faces gained and 0 lost" in decision.reason


def test_a_worse_challenger_is_not_promoted() -> None:
    assert {"accuracy", "gain"} <= failed(decide_promotion(answer(0.8), answer(0.7), TRUTH))


def test_a_challenger_that_gives_up_one_class_is_not_promoted() -> None:
    decision = decide_promotion(answer(0.7), answer(0.86, wrong_class=2), TRUTH)
    assert failed(decision) == {"recall"}
    assert "recall of fearful" in decision.reason


def test_a_challenger_that_is_too_sure_of_itself_is_not_promoted() -> None:
    assert failed(decide_promotion(answer(0.7), answer(0.8, confidence=0.99), TRUTH)) == {"calibration"}


def test_a_slow_challenger_is_not_promoted_unless_the_champion_is_as_slow() -> None:
    assert failed(decide_promotion(answer(0.7), answer(0.8, ms=9), TRUTH)) == {"speed"}
    assert decide_promotion(answer(0.7, ms=10), answer(0.8, ms=9), TRUTH).is_promoted


def test_limits_can_be_loosened() -> None:
    limits = GateLimits(max_ms_a_face=10)
    assert decide_promotion(answer(0.7), answer(0.8, ms=9), TRUTH, limits).is_promoted


def test_classes_with_few_faces_are_not_judged_by_recall() -> None:
    truth = np.array([0] * 30 + [1] * 5)
    old = np.where(np.arange(35) < 10, 2, truth)
    new = np.where(truth == 1, 0, truth)
    assert "recall" not in failed(decide_promotion(be_sure_of(old), be_sure_of(new), truth))


def answer_of_small_class(right: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """1,000 faces of which 24 are of class 1; `right` of these are answered rightly, and all others."""
    truth = np.array([1] * 24 + [0, 2, 3, 4] * 244)
    answers = truth.copy()
    answers[right:24] = 0
    return truth, answers


@pytest.mark.parametrize(("right", "is_passed"), [(17, True), (14, False)])
def test_the_recall_of_a_rare_class_fails_for_what_is_more_than_chance(right: int, is_passed: bool) -> None:
    """Three of 24 faces are 12.5 points, and chance; six are not."""
    truth, old = answer_of_small_class(20)
    _, new = answer_of_small_class(right)
    decision = decide_promotion(be_sure_of(old), be_sure_of(new), truth)
    (check,) = (check for check in decision.checks if check.name == "recall")
    assert check.is_passed is is_passed
    assert f"{20 - right} of its 24 faces lost and 0 gained" in check.reason
    assert f"one-sided p {0.5 ** (20 - right):.4f}" in check.reason


def test_a_small_loss_in_a_large_class_is_borne_however_sure_it_is() -> None:
    truth = np.array([0] * 1000 + [1] * 1000)
    new = np.where(np.arange(2000) < 40, 2, truth)
    decision = decide_promotion(be_sure_of(truth), be_sure_of(new), truth)
    assert "recall" not in failed(decision)


def test_the_class_that_fails_is_named_and_not_one_that_fell_further_by_chance() -> None:
    truth = np.array([1] * 24 + [0] * 400 + [2] * 576)
    old, new = truth.copy(), truth.copy()
    new[:3] = 2
    new[24:64] = 2
    decision = decide_promotion(be_sure_of(old), be_sure_of(new), truth)
    (check,) = (check for check in decision.checks if check.name == "recall")
    assert not check.is_passed
    assert "recall of angry" in check.reason


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_probability_and_symmetric(gained: int, lost: int) -> None:
    better, worse = compute_one_sided_mcnemar_p(gained, lost), compute_one_sided_mcnemar_p(lost, gained)
    assert 0 < better <= 1
    tie = (
        compute_one_sided_mcnemar_p(gained, lost) + compute_one_sided_mcnemar_p(lost + 1, gained - 1) if gained else 1.0
    )
    assert tie == pytest.approx(1)
    assert (better < worse) == (gained > lost)


def test_mcnemar_by_hand() -> None:
    assert compute_one_sided_mcnemar_p(5, 0) == 1 / 32
    assert compute_one_sided_mcnemar_p(9, 1) == 11 / 1024


def test_the_chance_of_a_higher_macro_f1_is_that_of_the_coins_that_made_it() -> None:
    truth = np.arange(70) % 7
    old = truth.copy()
    old[[0, 7, 14, 21, 28]] = 1
    higher, lower = compare_macro_f1(old, truth, truth)
    assert higher == pytest.approx(1 / 32, abs=0.01)
    assert lower == 1
    assert compare_macro_f1(truth, truth, truth) == (1, 1)


def test_two_tests_together_are_as_sure_as_one_would_have_to_be() -> None:
    """Twelve faces gained and four lost, all of one class: p is 0.038, which one test alone might pass at 5 %."""
    faces, old, new = np.flatnonzero(TRUTH == 3), TRUTH.copy(), TRUTH.copy()
    old[faces[:12]] = 4
    new[faces[12:16]] = 4
    assert 0.025 < compute_one_sided_mcnemar_p(12, 4) < 0.05
    assert failed(decide_promotion(be_sure_of(old), be_sure_of(new), TRUTH)) == {"gain"}
    assert decide_promotion(be_sure_of(old), be_sure_of(new), TRUTH, GateLimits(significance=0.1)).is_promoted


def decide_on_live_faces(reviewed: PairedCount, *, gained: int = 0, lost: int = 0) -> Decision:
    """Decide on models that differ on the test rows by these faces of one class, and on live faces by `reviewed`."""
    faces, old, new = np.flatnonzero(TRUTH == 3), TRUTH.copy(), TRUTH.copy()
    old[faces[:gained]] = 4
    new[faces[gained : gained + lost]] = 4
    return decide_promotion(be_sure_of(old), be_sure_of(new), TRUTH, reviewed=reviewed)


@pytest.mark.parametrize(
    ("reviewed", "lost", "why_not"),
    [
        (PairedCount(9, 1, 200), 0, set()),
        (PairedCount(9, 1, 30), 0, set()),
        (PairedCount(9, 1, 29), 0, {"gain"}),
        (PairedCount(8, 2, 200), 0, {"gain"}),
        (PairedCount(0, 0, 200), 0, {"gain"}),
        (PairedCount(90, 1, 200), 5, {"gain"}),
    ],
    ids=["gain", "just enough faces", "too few faces", "chance", "no difference", "loss on the test rows"],
)
def test_a_gain_on_live_faces_promotes_a_model_that_is_no_worse_on_the_test_rows(
    reviewed: PairedCount, lost: int, why_not: set[str]
) -> None:
    decision = decide_on_live_faces(reviewed, lost=lost)
    assert failed(decision) == why_not
    assert ("live faces" in decision.reason) is (reviewed.faces >= 30)


def test_three_tests_are_each_stricter_than_two() -> None:
    """Enough live faces are a third test: then p must be at most a third of the significance in place of half of it."""
    assert 0.05 / 3 < compute_one_sided_mcnemar_p(12, 3) < 0.05 / 2
    assert not failed(decide_on_live_faces(PairedCount(0, 0, 29), gained=12, lost=3))
    assert failed(decide_on_live_faces(PairedCount(0, 0, 30), gained=12, lost=3)) == {"gain"}


@pytest.mark.parametrize("count", [0, 1999])
def test_answers_to_other_faces_are_refused(count: int) -> None:
    with pytest.raises(HoldoutMismatchError):
        decide_promotion(answer(0.7), answer(0.8), TRUTH[:count])


def test_the_same_answers_always_give_the_same_decision() -> None:
    assert decide_promotion(answer(0.7), answer(0.72), TRUTH) == decide_promotion(answer(0.7), answer(0.72), TRUTH)
