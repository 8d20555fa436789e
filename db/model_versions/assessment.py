"""Is one version better than another? What each dataset says, with an interval and a test, and what follows from all of them.

Datasets are asked in a fixed order, and the first that can tell decides: faces of this service with blind votes, then the splits
that both versions were evaluated on, votes before single labels, the test split before the validation set.
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
"""The chance of calling equal versions different on one dataset, as the gate's (training/evaluation/gate.py)."""
VALIDATION = "validation"


class Answer(StrEnum):
    """What a dataset says of the new version beside the old one, and what all of them say together."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    """A difference isn't shown: it may be chance."""
    UNKNOWN = "unknown"
    """No dataset has answers of both versions to the same faces."""


class Method(StrEnum):
    """How the chance of a difference was found. Both are two-sided."""

    MCNEMAR = "mcnemar"
    """Exact, on the faces where only one of the two is right."""
    TWO_SHARES = "two_shares"
    """Of two independent shares. Both versions saw the same faces, which makes it careful: true differences are found later."""


@dataclass(frozen=True)
class DatasetAssessment:
    """Two versions' accuracy on the same faces. dataset: its name, as the pages say it.

    old, new: accuracy, 0 to 1. low, high: 95 % interval of new - old. p_value: the chance of such a difference if both were equally
    good. counts: whether it takes part in the decision; stress tests don't.
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
        """By how much the new version's accuracy is higher."""
        return self.new - self.old

    @property
    def answer(self) -> Answer:
        """What this dataset alone says."""
        if self.p_value > SIGNIFICANCE:
            return Answer.NOT_SHOWN
        return Answer.BETTER if self.gain > 0 else Answer.WORSE


@dataclass(frozen=True)
class Assessment:
    """What follows from all datasets. decided_by: the first that could tell, or None. against: those that say the contrary."""

    answer: Answer
    datasets: Sequence[DatasetAssessment]
    decided_by: DatasetAssessment | None = None
    against: Sequence[DatasetAssessment] = ()


def decide(datasets: Iterable[DatasetAssessment]) -> Assessment:
    """The first dataset that counts and shows a difference decides. datasets: those that count first come first."""
    listed = list(datasets)
    counting = [each for each in listed if each.counts]
    told = [each for each in counting if each.answer is not Answer.NOT_SHOWN]
    if not told:
        return Assessment(Answer.NOT_SHOWN if counting else Answer.UNKNOWN, listed)
    first = told[0]
    return Assessment(first.answer, listed, first, [each for each in told if each.answer is not first.answer])


def assess_reviewed(dataset: str, right: RightCounts) -> DatasetAssessment | None:
    """What blind votes say of two versions' answers to the same faces, `first` being the old one; None without such faces.

    The interval is Wilson's of the share of the disputed faces on which the new one is right, scaled to all faces.
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
    """What two versions' accuracies on the same number of faces say, where nothing is known of each face. faces: at least 1.

    The interval is bound_difference's, the test that of two shares with a common variance, two-sided.
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
    """The 95 % interval of `second` less `first`, shares of different faces, of at least one each.

    Newcombe's from Wilson's intervals (1998, "Interval estimation for the difference between independent proportions", method 10).
    """
    old, old_low, old_high = first.share or 0.0, first.low or 0.0, first.high or 0.0
    new, new_low, new_high = second.share or 0.0, second.low or 0.0, second.high or 0.0
    return new - old - hypot(new - new_low, old_high - old), new - old + hypot(new_high - new, old - old_low)


@dataclass(frozen=True)
class PairedEvaluations:
    """Split, truth and both evaluations, in the manifest's order. left_out: splits and truths of different rows."""

    pairs: Sequence[tuple[str, str, TruthMetrics, TruthMetrics]]
    left_out: Sequence[tuple[str, str]]


def pair_evaluations(first: Manifest, second: Manifest) -> PairedEvaluations:
    """Put what two versions' manifests say of the same rows beside each other: other rows may have been easier.

    Rows of the validation set are the same only where all that chose them is.
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
    """What the splits of the manifests say, those that count first, then their stress tests and further sets.

    Names are `split/truth`, and those of the sets.
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
