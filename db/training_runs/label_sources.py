"""Where labels of reviewed faces come from, and what they may be used for. An entry of LABEL_SOURCES is the whole of a source."""

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
    """What labels are for. None serves both: a model that had learnt a label would be scored by it."""

    TRAINING = "training"
    """Training rows beside the CSV's."""
    COMPARISON = "comparison"
    """They tell which of two versions is right more often."""


@dataclass(frozen=True)
class LabelSource:
    """A kind of label. label: the column that holds it. condition: the faces whose label counts."""

    name: str
    use: LabelUse
    label: InstrumentedAttribute[VoteChoice | None]
    condition: Callable[[], ColumnElement[bool]]

    def matches(self) -> ColumnElement[bool]:
        """Whether a face has a label of this source that is an emotion."""
        return and_(self.label.in_(_TRAINS), self.condition())


def has_trained() -> ColumnElement[bool]:
    """Whether a face's label has trained in any run, and so can't tell which of two versions is right."""
    return exists().where(TrainingCorrection.subject_id == ReviewSubject.id, TrainingCorrection.refusal.is_(None))


def _is_of_random_slice() -> ColumnElement[bool]:
    return exists().where(ReviewItem.subject_id == ReviewSubject.id, ReviewItem.slice == ReviewSlice.RANDOM)


LABEL_SOURCES: tuple[LabelSource, ...] = (
    LabelSource("reviews", LabelUse.TRAINING, ReviewSubject.label, lambda: ~_is_of_random_slice()),
    # Blind votes alone: those who know what the version in service says tend to agree with it, and would favour it. Faces that
    # were asked for because the version in service is unsure of them don't count: it is wrong on them more often.
    LabelSource(
        "blind_reviews",
        LabelUse.COMPARISON,
        ReviewSubject.blind_label,
        lambda: and_(ReviewSubject.drawn_at.is_not(None), ~has_trained()),
    ),
)
"""If a face has labels of several sources of one use, the first source counts."""


def matches_use(use: LabelUse) -> ColumnElement[bool]:
    """Whether a face has a label for that use, of any source."""
    found, *others = (source.matches() for source in _list_sources(use))
    for other in others:
        found = found | other
    return found


def choose_label(use: LabelUse) -> ColumnElement[VoteChoice | None]:
    """A face's label for that use: that of the first source that it has one of."""
    return case(*((source.matches(), source.label) for source in _list_sources(use)))


def _list_sources(use: LabelUse) -> Iterator[LabelSource]:
    return (source for source in LABEL_SOURCES if source.use is use)
