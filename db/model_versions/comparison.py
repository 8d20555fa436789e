"""Compares two model versions on reviewed faces that both classified, by the reviews' subjects, which outlive each analysis."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs.label_sources import has_trained

_READ_AT_ONCE = 500
"""Subjects per query: databases limit the number of bound values."""


@dataclass(frozen=True)
class Difference:
    """A face that two versions classified differently. label: the reviewers' label, if any."""

    face_id: UUID
    first: Emotion
    first_confidence: float
    second: Emotion
    second_confidence: float
    label: VoteChoice | None


@dataclass(frozen=True)
class AnswerComparison:
    """How often two versions agree, which one was right where they differ, and some of those faces.

    first_right, second_right: faces that only one version classified correctly, by the blind labels for which `can_tell` holds.
    told: all faces with such a label that is an emotion.
    both_right: faces that both classified correctly.
    differences: regardless of labels.
    """

    shared: int
    same: int
    first_right: int
    second_right: int
    differences: Sequence[Difference]
    told: int = 0
    both_right: int = 0

    @property
    def right(self) -> "RightCounts":
        """The counts of right predictions."""
        return RightCounts(self.told, self.both_right, self.first_right, self.second_right)

    @property
    def p_value(self) -> float | None:
        """p-value of an exact two-sided McNemar test; None without such faces."""
        return compute_two_sided_mcnemar_p(self.first_right, self.second_right)


def compute_two_sided_mcnemar_p(first: int, second: int) -> float | None:
    """Return the p-value of an exact two-sided McNemar test: the probability of a split at least as uneven, in either direction, of
    the faces that only one of two versions classified correctly, if both were equally good.

    None if there is no such face.
    """
    count = first + second
    if not count:
        return None
    ways = total = 1
    for chosen in range(min(first, second)):
        ways = ways * (count - chosen) // (chosen + 1)
        total += ways
    return min(1.0, float(2 * total / 2**count))


def can_tell() -> ColumnElement[bool]:
    """Condition: a reviewed face's label is an unbiased test of two versions.

    The face must have been drawn at random and reviewed in its turn: others were selected for the uncertainty of the version in
    service, which is wrong on them more often. Reviewers must not have known the prediction, which would influence them. And
    neither version may have been trained on it.
    """
    return and_(ReviewSubject.drawn_at.is_not(None), ReviewSubject.blind_label.is_not(None), ~has_trained())


@dataclass(frozen=True)
class RightCounts:
    """Faces with a usable label: how many, and how many of them both versions, or only one, classified correctly."""

    told: int
    both: int
    first: int
    second: int


def count_right(rows: Iterable[tuple[Emotion, Emotion, VoteChoice, int]]) -> RightCounts:
    """Sum rows of the first version's emotion, the second's, the label, and the number of faces."""
    told = both = first = second = 0
    for mine, theirs, label, count in rows:
        if label.emotion is None:
            continue
        told += count
        is_first, is_second = label.emotion is mine, label.emotion is theirs
        both += count * (is_first and is_second)
        first += count * (is_first and not is_second)
        second += count * (is_second and not is_first)
    return RightCounts(told, both, first, second)


def compare_answers(session: Session, first: int, second: int, *, limit: int) -> AnswerComparison:
    """Compare the predictions of two versions, by number, on reviewed faces that both classified.

    The photo of such a face was analysed at least twice, by different versions. The latest prediction of each version counts.
    limit: maximum number of differences listed.
    """
    answers = _read_answers(session, first, second)
    shared = [(subject_id, *pair) for subject_id, pair in answers.items()]
    labels = _read_labels(session, [subject_id for subject_id, *_ in shared])
    kinds: Counter[tuple[Emotion, Emotion, VoteChoice]] = Counter()
    differing: list[tuple[Any, Difference]] = []
    for subject_id, mine, theirs in shared:
        found = labels.get(subject_id)
        if found is not None and found.can_tell and found.blind_label is not None:
            kinds[mine.emotion, theirs.emotion, found.blind_label] += 1
        if mine.emotion is not theirs.emotion:
            label, at = (None, None) if found is None else (found.label, found.labeled_at)
            order = (at is not None, at, subject_id) if at is not None else (False, subject_id)
            answer = (mine.face_id, mine.emotion, mine.confidence, theirs.emotion, theirs.confidence)
            differing.append((order, Difference(*answer, label)))
    right = count_right((*kind, count) for kind, count in kinds.items())
    differing.sort(key=lambda each: each[0], reverse=True)
    return AnswerComparison(
        shared=len(shared),
        same=len(shared) - len(differing),
        first_right=right.first,
        second_right=right.second,
        differences=[difference for _, difference in differing[:limit]],
        told=right.told,
        both_right=right.both,
    )


def _read_answers(session: Session, first: int, second: int) -> dict[UUID, list[Any]]:
    """Return the latest predictions of two versions for each reviewed face that both classified, by subject.

    Few faces are classified by two versions, and an index finds them. They are combined here: the database would read each one once
    per version and question.
    """
    is_answer = (ReviewItem.subject_id.is_not(None), ReviewItem.model_version.in_((first, second)))
    both = (
        select(ReviewItem.subject_id)
        .where(*is_answer)
        .group_by(ReviewItem.subject_id)
        .having(func.count(ReviewItem.model_version.distinct()) == len({first, second}))
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_subject_id_model_version", "sqlite")
        .subquery()
    )
    rows = session.execute(
        select(
            ReviewItem.subject_id,
            ReviewItem.model_version,
            ReviewItem.face_id,
            ReviewItem.emotion,
            ReviewItem.confidence,
        )
        .join(both, both.c.subject_id == ReviewItem.subject_id)
        .where(*is_answer)
        .order_by(ReviewItem.created_at, ReviewItem.face_id)
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_subject_id_model_version", "sqlite")
    )
    answers: dict[UUID, list[Any]] = {}
    for row in rows:
        pair = answers.setdefault(row.subject_id, [None, None])
        for place, version in enumerate((first, second)):
            if row.model_version == version:
                pair[place] = row
    return answers


def _read_labels(session: Session, subject_ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Return label, blind label, its time, and whether `can_tell` holds, for each subject."""
    columns = (ReviewSubject.id, ReviewSubject.label, ReviewSubject.blind_label, ReviewSubject.labeled_at)
    found: dict[UUID, Any] = {}
    for start in range(0, len(subject_ids), _READ_AT_ONCE):
        chosen = ReviewSubject.id.in_(subject_ids[start : start + _READ_AT_ONCE])
        rows = session.execute(select(*columns, can_tell().label("can_tell")).where(chosen))
        found |= {row.id: row for row in rows}
    return found
