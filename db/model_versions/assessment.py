"""Compares two versions on every dataset, with an interval and a test, and decides which is better.

Datasets have a fixed order, and the first with a significant difference decides: faces of this service with blind votes, then the
splits on which both versions were evaluated, votes before single labels, the test split before the validation set.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import erfc, hypot, sqrt

from db.model_versions.comparison import RightCounts, compute_two_sided_mcnemar_p
from db.model_versions.manifest import Manifest
from db.model_versions.metrics import TRUTHS, TruthMetrics
from db.reviews.statistics import Estimate, estimate_share

SIGNIFICANCE = 0.05
"""Significance level per dataset, as in the gate (training/evaluation/gate.py)."""
VALIDATION = "validation"


class Answer(StrEnum):
    """The result of one dataset, or of all of them."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    """No significant difference."""
    UNKNOWN = "unknown"
    """No dataset has predictions of both versions for the same faces."""


class Method(StrEnum):
    """The test of a difference. Both are two-sided."""

    MCNEMAR = "mcnemar"
    """Exact, on the faces that only one of the two classified correctly."""
    TWO_SHARES = "two_shares"
    """Of two independent shares. Conservative, because both versions classified the same faces."""


@dataclass(frozen=True)
class DatasetAssessment:
    """Accuracy of two versions on the same faces. dataset: its name on the pages.

    old, new: accuracy, 0 to 1.
    low, high: 95 % interval of new - old.
    p_value: probability of such a difference if both were equally good.
    counts: whether it takes part in the decision; stress tests don't.
    """

    dataset: str
    faces: int
    old: float
    new: float
    low: float
    high: float
    p_value: float
    method: Method
    counts: bool = True

    @property
    def gain(self) -> float:
        """Difference of the accuracies, new minus old."""
        return self.new - self.old

    @property
    def answer(self) -> Answer:
        """The result of this dataset alone."""
        if self.p_value > SIGNIFICANCE:
            return Answer.NOT_SHOWN
        return Answer.BETTER if self.gain > 0 else Answer.WORSE


@dataclass(frozen=True)
class Assessment:
    """The result of all datasets. decided_by: the first with a significant difference, or None. against: those with the opposite
    result.
    """

    answer: Answer
    datasets: Sequence[DatasetAssessment]
    decided_by: DatasetAssessment | None = None
    against: Sequence[DatasetAssessment] = ()


def decide(datasets: Iterable[DatasetAssessment]) -> Assessment:
    """Decide by the first dataset that counts and has a significant difference. datasets: in order of priority."""
    listed = list(datasets)
    counting = [each for each in listed if each.counts]
    told = [each for each in counting if each.answer is not Answer.NOT_SHOWN]
    if not told:
        return Assessment(Answer.NOT_SHOWN if counting else Answer.UNKNOWN, listed)
    first = told[0]
    return Assessment(first.answer, listed, first, [each for each in told if each.answer is not first.answer])


def assess_reviewed(dataset: str, right: RightCounts) -> DatasetAssessment | None:
    """Compare two versions by blind votes on the same faces, `first` being the old one; None without such faces.

    The interval is Wilson's for the share of the disputed faces that the new one classified correctly, scaled to all faces.
    """
    told = right.told
    if not told:
        return None
    old, new = right.both + right.first, right.both + right.second
    disputed = right.first + right.second
    share = estimate_share(right.second, disputed)
    low, high = ((2 * end - 1) * disputed / told if end is not None else 0.0 for end in (share.low, share.high))
    p_value = compute_two_sided_mcnemar_p(right.first, right.second)
    return DatasetAssessment(
        dataset, told, old / told, new / told, low, high, 1.0 if p_value is None else p_value, Method.MCNEMAR
    )


def assess_shares(dataset: str, faces: int, old: float, new: float, *, counts: bool = True) -> DatasetAssessment:
    """Compare the accuracies of two versions on the same number of faces, without results per face. faces: at least 1.

    The interval is that of bound_difference; the test is a two-sided test of two shares with a common variance.
    """
    first, second = estimate_share(round(old * faces), faces), estimate_share(round(new * faces), faces)
    low, high = bound_difference(first, second)
    gain, common = new - old, (old + new) / 2
    error = sqrt(2 * common * (1 - common) / faces)
    return DatasetAssessment(
        dataset,
        faces,
        old,
        new,
        low,
        high,
        erfc(abs(gain) / error / sqrt(2)) if error else 1.0,
        Method.TWO_SHARES,
        counts,
    )


def bound_difference(first: Estimate, second: Estimate) -> tuple[float, float]:
    """Return the 95 % interval of `second` - `first`, shares of different faces, with at least one face each.

    Newcombe's, from Wilson's intervals (1998, "Interval estimation for the difference between independent proportions", method 10).
    """
    old, old_low, old_high = first.share or 0.0, first.low or 0.0, first.high or 0.0
    new, new_low, new_high = second.share or 0.0, second.low or 0.0, second.high or 0.0
    return new - old - hypot(new - new_low, old_high - old), new - old + hypot(new_high - new, old - old_low)


@dataclass(frozen=True)
class PairedEvaluations:
    """Split, kind of label, and both evaluations, in the manifest's order. left_out: those whose rows differ."""

    pairs: Sequence[tuple[str, str, TruthMetrics, TruthMetrics]]
    left_out: Sequence[tuple[str, str]]


def pair_evaluations(first: Manifest, second: Manifest) -> PairedEvaluations:
    """Pair the evaluations of two versions on the same rows; metrics on different rows aren't comparable.

    Rows of the validation set are the same only if all settings that select them are.
    """
    pairs: list[tuple[str, str, TruthMetrics, TruthMetrics]] = []
    left_out: list[tuple[str, str]] = []
    is_split_alike = first.lineage.held_out_by == second.lineage.held_out_by is not None
    theirs = {(split, truth): numbers for split, truth, numbers in second.list_evaluations()}
    for split, truth, mine in first.list_evaluations():
        other = theirs.get((split, truth))
        if other is None:
            continue
        if mine["rows"] == other["rows"] and (split != VALIDATION or is_split_alike):
            pairs.append((split, truth, mine, other))
        else:
            left_out.append((split, truth))
    return PairedEvaluations(pairs, left_out)


def assess_evaluations(old: Manifest, new: Manifest) -> list[DatasetAssessment]:
    """Compare two versions on the splits of their manifests, in order of priority, then on stress tests and evaluation sets.

    Names are `split/truth`, or those of the sets.
    """
    order = sorted(pair_evaluations(old, new).pairs, key=lambda pair: (pair[0] == VALIDATION, -TRUTHS.index(pair[1])))
    found = [
        assess_shares(f"{split}/{truth}", mine["rows"], mine["accuracy"], theirs["accuracy"])
        for split, truth, mine, theirs in order
        if mine["rows"]
    ]
    others = new.metrics.get("sets", {})
    for name, each in old.metrics.get("sets", {}).items():
        other = others.get(name)
        if other is not None and other["rows"] == each["rows"] > 0:
            found.append(assess_shares(name, each["rows"], each["accuracy"], other["accuracy"], counts=False))
    return found
