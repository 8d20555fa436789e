"""The assessment on the page of model versions: whether the newer of two versions is better, by dataset, and the metrics of all
versions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from api.model_versions.metric_charts import name_evaluation
from api.web.charts import Chart, Series, draw_lines
from db import tables
from db.model_versions.assessment import (
    Answer,
    Assessment,
    DatasetAssessment,
    assess_evaluations,
    assess_reviewed,
    decide,
)
from db.model_versions.comparison import compare_answers
from db.model_versions.shadow_comparison import count_live_right
from db.reviews.mistakes import Mistake, estimate_by_version, list_mistakes
from db.reviews.statistics import Estimate

LIVE = "live"
REVIEWED = "reviewed"
_NAMES = {
    LIVE: "faces of this service, one version in shadow mode, blind votes",
    REVIEWED: "faces of this service, analysed by both, blind votes",
}
_MOST_MISTAKES = 12
_MOST_VERSIONS = 50
"""Maximum number of versions on the chart, newest first."""


@dataclass(frozen=True)
class Versions:
    """The two versions to compare. is_in_service: whether the new one is in service."""

    old: tables.ModelVersion
    new: tables.ModelVersion
    is_in_service: bool


@dataclass(frozen=True)
class ShownAssessment:
    """An assessment in words. headline: the result. reason: the dataset that decides it."""

    pair: Versions
    assessment: Assessment
    headline: str
    reason: str
    mistakes: Sequence[Mistake]


def choose_versions(
    versions: Sequence[tables.ModelVersion],
    history: Sequence[tables.Promotion],
    old: int | None = None,
    new: int | None = None,
) -> Versions | None:
    """Choose two versions: those requested by number; else the one in service and its predecessor, else the newest two.

    None if there are fewer than two. versions, history: newest first.
    """
    by_number = {version.number: version for version in versions}
    by_id = {version.id: version for version in versions}
    champion = by_id[history[0].to_version_id] if history else None
    before = by_id.get(history[0].from_version_id) if history and history[0].from_version_id else None
    chosen_new, chosen_old = by_number.get(new or 0), by_number.get(old or 0)
    if chosen_new is None and before is None and champion is not None:
        chosen_new = next((each for each in versions if each is not champion), None)
        chosen_old = chosen_old or champion
    chosen_new = chosen_new or champion
    if chosen_old is None:
        chosen_old = before if chosen_new is champion else champion
    if chosen_new is None or chosen_old is None or chosen_new is chosen_old:
        return None
    return Versions(chosen_old, chosen_new, is_in_service=chosen_new is champion)


def assess_versions(session: Session, old: tables.ModelVersion, new: tables.ModelVersion) -> Assessment:
    """Compare two versions on every dataset, faces of this service first."""
    reviewed = [
        assess_reviewed(LIVE, count_live_right(session, old, new)),
        assess_reviewed(REVIEWED, compare_answers(session, old.number, new.number, limit=0).right),
    ]
    found = [each for each in reviewed if each is not None]
    return decide([*found, *assess_evaluations(old.document, new.document)])


def describe_assessment(session: Session, pair: Versions) -> ShownAssessment:
    """Describe the assessment of two versions, with the new one's most confident mistakes."""
    assessment = assess_versions(session, pair.old, pair.new)
    mistakes = list_mistakes(session, pair.new.number, limit=_MOST_MISTAKES)
    return ShownAssessment(pair, assessment, _say(pair, assessment.answer), _explain(assessment), mistakes)


def name_dataset(dataset: str) -> str:
    """Name a dataset of the assessment in words."""
    split, _, truth = dataset.partition("/")
    if dataset in _NAMES:
        return _NAMES[dataset]
    return f"stress test: {truth}" if split == "stress" else name_evaluation(split, truth) if truth else dataset


def _say(pair: Versions, answer: Answer) -> str:
    new, old = f"version {pair.new.number}", f"version {pair.old.number}"
    if answer is Answer.BETTER:
        return f"Yes, {new} is better than {old}."
    if answer is Answer.WORSE:
        return f"No, {new} is worse than {old}."
    if answer is Answer.NOT_SHOWN:
        return f"Not shown: between {new} and {old} no dataset shows a difference that can't be chance."
    return f"Not known: {new} and {old} never classified the same faces."


def _explain(assessment: Assessment) -> str:
    decided = assessment.decided_by
    if decided is None:
        return ""
    change = f"from {decided.old:.3f} to {decided.new:.3f}, {_bound(decided)}"
    found = f"Decided by {name_dataset(decided.dataset)}: accuracy went {change}."
    if assessment.against:
        others = "; ".join(f"{name_dataset(each.dataset)} ({each.gain:+.3f})" for each in assessment.against)
        return f"{found} The opposite holds for {others}, which count less."
    return found


def _bound(found: DatasetAssessment) -> str:
    chance = "p < 0.001" if found.p_value < 0.0005 else f"p = {found.p_value:.3f}"
    return f"by {found.gain:+.3f} (95 % interval {found.low:+.3f} to {found.high:+.3f}, {chance})"


def draw_versions(session: Session, versions: Sequence[tables.ModelVersion]) -> Chart:
    """Draw accuracy and macro-F1 of each version, oldest first. versions: newest first."""
    shown = list(reversed(versions[:_MOST_VERSIONS]))
    figures = [
        {(split, truth): numbers for split, truth, numbers in each.document.list_evaluations()} for each in shown
    ]
    here: Mapping[int, Estimate] = estimate_by_version(session)
    votes, single = ("PublicTest", "ferplus"), ("PublicTest", "fer2013")

    def read(place: tuple[str, str], name: Literal["accuracy", "macro_f1"]) -> list[float | None]:
        return [found[place][name] if place in found else None for found in figures]

    series = [
        Series(
            "accuracy here, blind votes", "fourth", [here[v.number].share if v.number in here else None for v in shown]
        ),
        Series("accuracy, votes", "first", read(votes, "accuracy")),
        Series("macro-F1, votes", "second", read(votes, "macro_f1")),
        Series("accuracy, single label", "third", read(single, "accuracy")),
    ]
    labels = [f"version {version.number}" for version in shown]
    return draw_lines("Metrics over versions", labels, series, show="{:.3f}".format, low=None, high=1.0, has_dots=True)
