"""Where two model versions judged the same face: told by the people's record of it, which outlives every analysis."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from db.models_review import ReviewItem, ReviewSubject
from db.vocabulary import Emotion, Verdict


@dataclass(frozen=True)
class Difference:
    """A face that two versions judged differently. label: what people say of it, where they agree."""

    face_id: UUID
    first: Emotion
    first_confidence: float
    second: Emotion
    second_confidence: float
    label: Verdict | None


@dataclass(frozen=True)
class AnswerComparison:
    """How often two versions said the same of the same face, who was right where they didn't, and some of those faces."""

    shared: int
    same: int
    first_right: int
    second_right: int
    differences: Sequence[Difference]


def compare_answers(session: Session, first: int, second: int, *, limit: int) -> AnswerComparison:
    """Compare the answers of two versions, by number, on faces that people judged and both versions analysed.

    Such a face's photo was analysed twice, before and after a version came into service. limit: most differences listed.
    """
    mine, theirs = aliased(ReviewItem), aliased(ReviewItem)
    pairs = (
        select(mine, theirs, ReviewSubject.label)
        .join(theirs, theirs.subject_id == mine.subject_id)
        .join(ReviewSubject, ReviewSubject.id == mine.subject_id)
        .where(mine.model_version == first, theirs.model_version == second)
    )
    # a photo that was analysed again and again counts once
    counted = (
        pairs.with_only_columns(
            mine.subject_id,
            func.min(mine.emotion).label("mine"),
            func.min(theirs.emotion).label("theirs"),
            func.min(ReviewSubject.label).label("label"),
        )
        .group_by(mine.subject_id)
        .subquery()
    )
    rows = session.execute(
        select(counted.c.mine, counted.c.theirs, counted.c.label, func.count()).group_by(
            counted.c.mine, counted.c.theirs, counted.c.label
        )
    ).all()
    differing = session.execute(
        pairs.where(mine.emotion != theirs.emotion).order_by(ReviewSubject.labeled_at.desc()).limit(limit)
    )
    return AnswerComparison(
        shared=sum(count for *_, count in rows),
        same=sum(count for one, other, _, count in rows if one == other),
        first_right=sum(count for one, other, label, count in rows if one != other and label == one),
        second_right=sum(count for one, other, label, count in rows if one != other and label == other),
        differences=[
            Difference(one.face_id, one.emotion, one.confidence, other.emotion, other.confidence, label)
            for one, other, label in differing
        ],
    )
