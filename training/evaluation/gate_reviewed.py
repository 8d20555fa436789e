"""The gate's checks on reviewers' labels, and its decision across different kinds of labels.

The labels are of randomly drawn faces that no run was trained on. If both models were trained on the same kind of labels, a loss
on these faces rejects the challenger, and a gain is evidence for it, as one on the test rows is. If not, the dataset's labels
favour the model trained on them, so the reviewers' labels must show that the challenger is better.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from training.evaluation.gate import (
    Answers,
    Check,
    Decision,
    GateLimits,
    PairedCount,
    check_all,
    compute_one_sided_mcnemar_p,
    conclude,
)

Array = npt.NDArray[np.float32]
Truth = npt.NDArray[np.int64]


def count_pairs(champion: Array, challenger: Array, truth: Truth) -> PairedCount:
    """Count the faces that only one of the models classified correctly. champion, challenger: probabilities (N, 7); N may be 0."""
    old, new = champion.argmax(axis=1) == truth, challenger.argmax(axis=1) == truth
    return PairedCount(int((new & ~old).sum()), int((old & ~new).sum()), len(truth))


def check_not_worse(champion: Array, challenger: Array, truth: Truth, limits: GateLimits) -> Check:
    """Check that reviewers' labels show no loss. champion, challenger: probabilities (N, 7); N may be 0."""
    counted = count_pairs(champion, challenger, truth)
    p_worse = compute_one_sided_mcnemar_p(counted.lost, counted.gained)
    reason = _describe(counted, f"p {p_worse:.4f} for a loss, which must be over {limits.significance}")
    return Check("reviewed_faces", p_worse > limits.significance, reason)


def check_better(champion: Array, challenger: Array, truth: Truth, limits: GateLimits, least_faces: int) -> Check:
    """Check that reviewers' labels of at least `least_faces` faces show a gain. The probabilities are (N, 7); N may be 0."""
    counted = count_pairs(champion, challenger, truth)
    p_better = compute_one_sided_mcnemar_p(counted.gained, counted.lost)
    reason = _describe(counted, f"p {p_better:.4f} for a gain, which must be at most {limits.significance}")
    if len(truth) < least_faces:
        reason = (
            f"reviewers have labelled {len(truth)} faces drawn at random, and it takes {least_faces} to compare versions that were "
            "trained on different labels"
        )
    return Check("reviewed_faces", len(truth) >= least_faces and p_better <= limits.significance, reason)


def decide_across_labels(
    reference: Answers | None,
    champion: Answers,
    challenger: Answers,
    truth: Truth,
    further: Sequence[Check],
    limits: GateLimits,
) -> Decision:
    """Decide on a challenger that was trained on other labels than the champion.

    reference: the best version on the challenger's kind of labels; the challenger must not be worse.
    truth: of that kind of labels.
    further: the result of `check_better`, and other checks that must pass.
    """
    of_champion = {check.name: check for check in check_all(champion, challenger, truth, limits)}
    checks: list[Check] = []
    if reference is not None:
        beside = [check for check in check_all(reference, challenger, truth, limits) if check.name != "gain"]
        checks += _mark(beside, "reference", "beside the best version on these labels, ")
        checks += _mark([of_champion["accuracy"]], "champion", "beside the champion, ")
    else:
        checks += _mark([of_champion["accuracy"], of_champion["speed"]], "champion", "beside the champion, ")
    return conclude([*checks, *further], "reviewed_faces")


def _mark(checks: Sequence[Check], whom: str, words: str) -> list[Check]:
    return [replace(check, name=f"{check.name}_beside_{whom}", reason=words + check.reason) for check in checks]


def _describe(counted: PairedCount, chance: str) -> str:
    if not counted.faces:
        return "no face drawn at random has a reviewer's label to compare them by"
    found = f"{counted.gained} gained and {counted.lost} lost (exact McNemar, one-sided {chance})"
    return f"by reviewers' labels of {counted.faces} faces drawn at random, {found}"
