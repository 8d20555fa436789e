"""The gate: decides whether the challenger replaces the champion, from both models' predictions for the same faces. A pure
function.

Every check must pass: the first four reject a worse model, and the last one requires evidence of a gain, on the test rows or on
live faces that reviewers labelled. Without a significant gain in one of its tests the champion stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS
from training.errors import TrainingError
from training.evaluation.metrics import compute_accuracy, compute_macro_f1, count_confusion, measure_calibration_error


class HoldoutMismatchError(TrainingError):
    """Champion and challenger have predictions for different faces, or for none."""

    code = "gate_holdout_mismatch"


@dataclass(frozen=True, slots=True)
class Answers:
    """One model's predictions. probabilities: float (N, 7). ms_a_face: for a single face, both models on the same machine."""

    probabilities: npt.NDArray[np.float32]
    ms_a_face: float


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Limits on the challenger's losses, and the required significance of its gain. Shares are 0 to 1.

    max_accuracy_loss, max_recall_loss: how far accuracy, or one class's recall, may fall; recall further if that isn't
    significant.
    min_class_rows: minimum rows of a class to check its recall.
    max_calibration_error, max_ms_a_face: bounds, unless the champion exceeds them too.
    timing_noise: relative increase of a time that still counts as equal.
    min_reviewed_faces: minimum live faces with a reviewer's label to look for a gain on them.
    significance: probability of calling equal models better, for all tests together, and of calling them worse, for each.
    """

    max_accuracy_loss: float = 0.005
    max_recall_loss: float = 0.05
    min_class_rows: int = 20
    max_calibration_error: float = 0.05
    max_ms_a_face: float = 3.0
    timing_noise: float = 0.1
    min_reviewed_faces: int = 30
    significance: float = 0.05


@dataclass(frozen=True, slots=True)
class PairedCount:
    """Faces that only the challenger classified correctly (`gained`), only the champion (`lost`), and how many both classified."""

    gained: int
    lost: int
    faces: int


NO_REVIEWED_FACES = PairedCount(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the gate, its result, and the metrics behind it in words."""

    name: str
    is_passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision, its reason in one sentence, and every check."""

    is_promoted: bool
    reason: str
    checks: tuple[Check, ...]


def decide_promotion(
    champion: Answers,
    challenger: Answers,
    truth: npt.NDArray[np.int64],
    limits: GateLimits = GateLimits(),
    *,
    further: Sequence[Check] = (),
    reviewed: PairedCount = NO_REVIEWED_FACES,
) -> Decision:
    """Compare two models' predictions for the same faces.

    further: other checks that must pass.
    reviewed: result of both on randomly drawn live faces with a reviewer's label, on which a gain counts too.
    truth: int (N,), 0 to 6, of faces on which neither model was trained.
    Raises HoldoutMismatchError unless both have predictions for the N faces of `truth`, N at least 1.
    """
    *checks, gain = check_all(champion, challenger, truth, limits, reviewed)
    return conclude([*checks, *further, gain], "gain", "accuracy")


def check_all(
    champion: Answers,
    challenger: Answers,
    truth: npt.NDArray[np.int64],
    limits: GateLimits,
    reviewed: PairedCount = NO_REVIEWED_FACES,
) -> tuple[Check, ...]:
    """Return every check of two models on the same faces. Raises HoldoutMismatchError."""
    shapes = {champion.probabilities.shape, challenger.probabilities.shape}
    if shapes != {(len(truth), len(EMOTIONS))} or not len(truth):
        raise HoldoutMismatchError(f"answers of shapes {sorted(shapes)} for {len(truth)} faces")
    old, new = champion.probabilities.argmax(axis=1), challenger.probabilities.argmax(axis=1)
    return (
        _check_accuracy(count_confusion(old, truth), count_confusion(new, truth), limits),
        _check_recall(old, new, truth, limits),
        _check_calibration(champion, challenger, truth, limits),
        _check_speed(champion, challenger, limits),
        _check_gain(old, new, truth, limits, reviewed),
    )


def conclude(checks: Sequence[Check], *evidence: str) -> Decision:
    """Promote if every check passed. evidence: names of the checks quoted as the reason, in this order."""
    failed = [check for check in checks if not check.is_passed]
    if failed:
        reasons = "; ".join(check.reason for check in failed)
        return Decision(is_promoted=False, reason=f"kept the champion: {reasons}", checks=tuple(checks))
    by_name = {check.name: check.reason for check in checks}
    reason = ", and ".join(by_name[name] for name in evidence)
    return Decision(is_promoted=True, reason=f"promoted: {reason}", checks=tuple(checks))


def _check_accuracy(old: npt.NDArray[np.int64], new: npt.NDArray[np.int64], limits: GateLimits) -> Check:
    before, after = float(compute_accuracy(old)), float(compute_accuracy(new))
    reason = f"accuracy went from {before:.4f} to {after:.4f} (may fall by {limits.max_accuracy_loss})"
    return Check("accuracy", after >= before - limits.max_accuracy_loss, reason)


def _check_recall(
    old: npt.NDArray[np.int64], new: npt.NDArray[np.int64], truth: npt.NDArray[np.int64], limits: GateLimits
) -> Check:
    """Check that no class loses recall beyond limit and chance: for a rare class, two faces exceed the limit."""
    count = len(EMOTIONS)
    faces = np.bincount(truth, minlength=count)
    is_compared = faces >= limits.min_class_rows
    if not is_compared.any():
        reason = f"no class has {limits.min_class_rows} faces, so recall isn't checked"
        return Check("recall", is_passed=True, reason=reason)
    gained, lost = (
        np.bincount(truth[is_one], minlength=count)
        for is_one in ((new == truth) & (old != truth), (new != truth) & (old == truth))
    )
    falls = np.where(is_compared, (lost - gained) / np.maximum(faces, 1), -np.inf)
    chances = np.array(
        [compute_one_sided_mcnemar_p(*pair) for pair in zip(lost.tolist(), gained.tolist(), strict=True)]
    )
    is_lost = (falls > limits.max_recall_loss) & (chances <= limits.significance)
    worst = int(np.where(is_lost if is_lost.any() else is_compared, falls, -np.inf).argmax())
    before, after = (int((right == truth)[truth == worst].sum()) / int(faces[worst]) for right in (old, new))
    reason = (
        f"the recall of {EMOTIONS[worst]} changed most for the worse, from {before:.3f} to {after:.3f}: {lost[worst]} of its "
        f"{faces[worst]} faces lost and {gained[worst]} gained (exact McNemar, one-sided p {chances[worst]:.4f}; may fall by "
        f"{limits.max_recall_loss}, and further where p is over {limits.significance})"
    )
    return Check("recall", not is_lost.any(), reason)


def _check_calibration(
    champion: Answers, challenger: Answers, truth: npt.NDArray[np.int64], limits: GateLimits
) -> Check:
    before = measure_calibration_error(champion.probabilities, truth)
    after = measure_calibration_error(challenger.probabilities, truth)
    reason = f"the calibration error went from {before:.4f} to {after:.4f} (bound {limits.max_calibration_error})"
    return Check("calibration", after <= max(before, limits.max_calibration_error), reason)


def _check_speed(champion: Answers, challenger: Answers, limits: GateLimits) -> Check:
    before, after = champion.ms_a_face, challenger.ms_a_face
    reason = f"a face takes {after:.2f} ms, before {before:.2f} ms (bound {limits.max_ms_a_face} ms)"
    return Check("speed", after <= max(before * (1 + limits.timing_noise), limits.max_ms_a_face), reason)


def _check_gain(
    old: npt.NDArray[np.int64],
    new: npt.NDArray[np.int64],
    truth: npt.NDArray[np.int64],
    limits: GateLimits,
    reviewed: PairedCount,
) -> Check:
    """Check that one test shows a significant gain, and that no test on `truth` shows a significant loss.

    Each test for a gain has an equal share of the significance. Live faces count as a test if there are enough of them, however
    they turn out: a test that was left out for its result would make the others less strict.
    """
    gained, lost = int(((new == truth) & (old != truth)).sum()), int(((new != truth) & (old == truth)).sum())
    p_better, p_worse = compute_one_sided_mcnemar_p(gained, lost), compute_one_sided_mcnemar_p(lost, gained)
    p_higher, p_lower = compare_macro_f1(old, new, truth)
    chances = [p_better, p_higher]
    words = [
        f"{gained} faces gained and {lost} lost (exact McNemar, one-sided p {p_better:.4f})",
        f"macro-F1 by permutation p {p_higher:.4f}",
    ]
    if reviewed.faces >= limits.min_reviewed_faces:
        chances.append(compute_one_sided_mcnemar_p(reviewed.gained, reviewed.lost))
        words.append(
            f"of {reviewed.faces} live faces that reviewers labelled, {reviewed.gained} gained and {reviewed.lost} lost "
            f"(p {chances[-1]:.4f})"
        )
    enough = limits.significance / len(chances)
    is_better = min(chances) <= enough
    is_worse = min(p_worse, p_lower) <= limits.significance
    return Check("gain", is_better and not is_worse, f"{', '.join(words)} (one p must be at most {enough:.3g})")


def compute_one_sided_mcnemar_p(gained: int, lost: int) -> float:
    """Return the probability of at least this many gains, of the faces that only one model classified correctly, if both were
    equally good. Exact, one-sided.
    """
    discordant = gained + lost
    ways = sum(comb(discordant, count) for count in range(gained, discordant + 1))
    return float(ways / 2**discordant)


def compare_macro_f1(
    old: npt.NDArray[np.int64], new: npt.NDArray[np.int64], truth: npt.NDArray[np.int64], *, shuffles: int = 2000
) -> tuple[float, float]:
    """Return the probabilities of a macro-F1 at least this much higher, and lower, if both models were equally good. One-sided.

    Permutation test: under the hypothesis, the two predictions of each face can be swapped. For each cell (truth, old prediction,
    new prediction) a binomial number is swapped. The observed result counts as one permutation.
    """
    size = len(EMOTIONS)
    cells = np.bincount((truth * size + old) * size + new, minlength=size**3).reshape(size, size, size)
    swapped = np.random.default_rng(0).binomial(cells, 0.5, size=(shuffles, size, size, size))
    joint = np.concatenate([cells[None], cells - swapped + swapped.swapaxes(2, 3)])
    gains = compute_macro_f1(joint.sum(axis=2)) - compute_macro_f1(joint.sum(axis=3))
    same = 1e-12  # tolerance for sums in another order
    return float((gains >= gains[0] - same).mean()), float((gains <= gains[0] + same).mean())
