"""Sources of labels for reviewed faces, and their uses. An entry of LABEL_SOURCES registers a source completely."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, exists
from sqlalchemy.orm import InstrumentedAttribute

from db.core.vocabulary import EMOTIONS, ReviewSlice, VoteChoice
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs.tables import TrainingCorrection

_TRAINS = tuple(VoteChoice(emotion.value) for emotion in EMOTIONS)


class LabelUse(StrEnum):
    """Use of labels. Each label has one use only: a model trained on a label can't be evaluated on it."""

    TRAINING = "training"
    """Training rows beside the CSV's."""
    COMPARISON = "comparison"
    """Test which of two versions is right more often."""


@dataclass(frozen=True)
class LabelSource:
    """A kind of label. label: its column. condition: faces whose label counts."""

    name: str
    use: LabelUse
    label: InstrumentedAttribute[VoteChoice | None]
    condition: Callable[[], ColumnElement[bool]]

    def matches(self) -> ColumnElement[bool]:
        """Condition: the face has a label of this source that is an emotion."""
        return and_(self.label.in_(_TRAINS), self.condition())


def has_trained() -> ColumnElement[bool]:
    """Condition: the label was used in any training run, so that it can't be used to compare versions."""
    return exists().where(TrainingCorrection.subject_id == ReviewSubject.id, TrainingCorrection.refusal.is_(None))


def _is_of_random_slice() -> ColumnElement[bool]:
    return exists().where(ReviewItem.subject_id == ReviewSubject.id, ReviewItem.slice == ReviewSlice.RANDOM)


LABEL_SOURCES: tuple[LabelSource, ...] = (
    LabelSource("reviews", LabelUse.TRAINING, ReviewSubject.label, lambda: ~_is_of_random_slice()),
    # Blind votes only: reviewers who know the prediction of the version in service tend to agree with it, which would favour it.
    # Faces selected for its uncertainty don't count either: it is wrong on them more often.
    LabelSource(
        "blind_reviews",
        LabelUse.COMPARISON,
        ReviewSubject.blind_label,
        lambda: and_(ReviewSubject.drawn_at.is_not(None), ~has_trained()),
    ),
)
"""If a face has labels of several sources with the same use, the first source counts."""


def matches_use(use: LabelUse) -> ColumnElement[bool]:
    """Condition: the face has a label of any source with this use."""
    found, *others = (source.matches() for source in _list_sources(use))
    for other in others:
        found = found | other
    return found


def choose_label(use: LabelUse) -> ColumnElement[VoteChoice | None]:
    """Return a face's label for this use, from the first source that has one."""
    return case(*((source.matches(), source.label) for source in _list_sources(use)))


def _list_sources(use: LabelUse) -> Iterator[LabelSource]:
    return (source for source in LABEL_SOURCES if source.use is use)
