"""Where two model versions judged the same face: told by the people's record of it, which outlives every analysis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs.label_sources import has_trained


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
    mine, theirs = _select_latest(first).subquery(), _select_latest(second).subquery()
    pairs = (
        select(mine, theirs, ReviewSubject.label)
        .join(theirs, theirs.c.subject_id == mine.c.subject_id)
        .join(ReviewSubject, ReviewSubject.id == mine.c.subject_id)
    )
    answers = pairs.with_only_columns(
        mine.c.emotion.label("mine"),
        theirs.c.emotion.label("theirs"),
        ReviewSubject.blind_label.label("label"),
        can_tell().label("can_tell"),
    ).subquery()
    kinds = (answers.c.mine, answers.c.theirs, answers.c.label, answers.c.can_tell)
    rows = session.execute(select(*kinds, func.count()).group_by(*kinds)).all()
    differing = session.execute(
        pairs.with_only_columns(
            mine.c.face_id,
            mine.c.emotion,
            mine.c.confidence,
            theirs.c.emotion,
            theirs.c.confidence,
            ReviewSubject.label,
        )
        .where(mine.c.emotion != theirs.c.emotion)
        .order_by(ReviewSubject.labeled_at.desc(), ReviewSubject.id)
        .limit(limit)
    )
    right = count_right((one, other, label, count) for one, other, label, is_told, count in rows if is_told and label)
    return AnswerComparison(
        shared=sum(count for *_, count in rows),
        same=sum(count for one, other, *_, count in rows if one == other),
        first_right=right.first,
        second_right=right.second,
        differences=[Difference(*row) for row in differing],
        told=right.told,
        both_right=right.both,
    )


def _select_latest(version: int) -> Select[UUID | None, UUID, Emotion, float]:
    """The latest answer of a version to each judged face."""
    latest_first = (ReviewItem.created_at.desc(), ReviewItem.face_id.desc())
    ranked = (
        select(
            ReviewItem.subject_id,
            ReviewItem.face_id,
            ReviewItem.emotion,
            ReviewItem.confidence,
            func.row_number().over(partition_by=ReviewItem.subject_id, order_by=latest_first).label("place"),
        )
        .where(ReviewItem.subject_id.is_not(None), ReviewItem.model_version == version)
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_subject_id", "sqlite")
        .subquery()
    )
    columns = (ranked.c.subject_id, ranked.c.face_id, ranked.c.emotion, ranked.c.confidence)
    return select(*columns).where(ranked.c.place == 1)
