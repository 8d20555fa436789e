"""Where two model versions judged the same face: told by the people's record of it, which outlives every analysis."""

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
"""Subjects of one query: databases bound how many values it may name."""


@dataclass(frozen=True)
class Difference:
    """A face that two versions judged differently. label: what people say of it, where they agree."""

    face_id: UUID
    first: Emotion
    first_confidence: float
    second: Emotion
    second_confidence: float
    label: VoteChoice | None


@dataclass(frozen=True)
class AnswerComparison:
    """How often two versions said the same of the same face, who was right where they didn't, and some of those faces.

    first_right, second_right: faces where only the one was right, by the blind labels of which `can_tell` is true. told: all faces
    with such a label, which is an emotion. both_right: those on which both versions were right.
    differences: whatever people say of them, also nothing.
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
        """Who was right, where a label tells."""
        return RightCounts(self.told, self.both_right, self.first_right, self.second_right)

    @property
    def p_value(self) -> float | None:
        """Two-sided, of an exact McNemar test on who was right; None where no face tells."""
        return compute_two_sided_mcnemar_p(self.first_right, self.second_right)


def compute_two_sided_mcnemar_p(first: int, second: int) -> float | None:
    """Chance of a split at least as uneven, to either side, of the faces where only one of two is right, if both were equally good.

    Exact. None where there is no such face.
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
    """Whether a judged face's label tells fairly which of two versions is right.

    Only if the face came by chance alone, in its turn: the others were chosen for the doubts of the version in service, which is
    wrong on them more often than on all. Only if reviewers didn't know what that version says, since they would lean towards it.
    And not if either version may have been trained on it.
    """
    return and_(ReviewSubject.drawn_at.is_not(None), ReviewSubject.blind_label.is_not(None), ~has_trained())


@dataclass(frozen=True)
class RightCounts:
    """Of the faces whose label tells who is right: how many there are, and on how many both, or one alone, are right."""

    told: int
    both: int
    first: int
    second: int


def count_right(rows: Iterable[tuple[Emotion, Emotion, VoteChoice, int]]) -> RightCounts:
    """Add up rows of the first version's emotion, the second's, the label, and how many faces have these."""
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
    """Compare the answers of two versions, by number, on faces that people judged and both versions analysed.

    Such a face's photo was analysed twice, before and after a version came into service; where it was more often, the latest
    answer of each version counts. limit: most differences listed.
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
    """The latest answers of two versions to each judged face that both analysed, by subject.

    Few faces are analysed by two versions; which ones, an index tells. Put together here: the database would read each of them
    once for each version and each question.
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
    """Label, blind label, when it was given, and whether it tells who is right, of each subject."""
    columns = (ReviewSubject.id, ReviewSubject.label, ReviewSubject.blind_label, ReviewSubject.labeled_at)
    found: dict[UUID, Any] = {}
    for start in range(0, len(subject_ids), _READ_AT_ONCE):
        chosen = ReviewSubject.id.in_(subject_ids[start : start + _READ_AT_ONCE])
        rows = session.execute(select(*columns, can_tell().label("can_tell")).where(chosen))
        found |= {row.id: row for row in rows}
    return found
