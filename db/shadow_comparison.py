"""Where two versions judged the same live face differently: one for real, the other in shadow mode."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.comparison import AnswerComparison, Difference
from db.corrections import has_taught
from db.models import Face, ModelVersion
from db.models_review import ReviewItem, ReviewSubject
from db.models_shadow import ShadowJudgment


@dataclass(frozen=True)
class ShadowCounts:
    """How many live faces the challenger judged beside the champion, and of how many it said the same."""

    shared: int
    same: int


def count_judgments(session: Session, judged_by_id: UUID, challenger_id: UUID) -> ShadowCounts:
    """How often the challenger said the same as the version that judged the faces for real. Read from an index alone."""
    statement = select(func.count(), func.count().filter(ShadowJudgment.differs.is_(False))).where(
        ShadowJudgment.model_version_id == challenger_id, ShadowJudgment.judged_by_id == judged_by_id
    )
    shared, same = session.execute(statement).one()
    return ShadowCounts(shared, same)


def compare_live(session: Session, first: ModelVersion, second: ModelVersion, *, limit: int) -> AnswerComparison:
    """Compare two versions on the live faces that one judged for real and the other in shadow mode, whichever did which.

    Who was right is told by the people's label, where there is one that taught in no training run. limit: most differences
    listed, newest faces first.
    """
    counts = [count_judgments(session, one.id, other.id) for one, other in ((first, second), (second, first))]
    right, swapped_right = _count_right(session, first, second), _count_right(session, second, first)
    differences = _list_differences(session, first, second, limit)
    differences += [_swap(difference) for difference in _list_differences(session, second, first, limit)]
    return AnswerComparison(
        shared=sum(count.shared for count in counts),
        same=sum(count.same for count in counts),
        first_right=right[0] + swapped_right[1],
        second_right=right[1] + swapped_right[0],
        differences=sorted(differences, key=lambda difference: difference.face_id, reverse=True)[:limit],
    )


def _list_differences(session: Session, judge: ModelVersion, shadow: ModelVersion, limit: int) -> list[Difference]:
    columns = (Face.id, Face.emotion, Face.confidence, ShadowJudgment.emotion, ShadowJudgment.confidence)
    newest = _select_differing(judge, shadow, *columns, ReviewSubject.label)
    return [Difference(*row) for row in session.execute(newest.order_by(ShadowJudgment.face_id.desc()).limit(limit))]


def _count_right(session: Session, judge: ModelVersion, shadow: ModelVersion) -> tuple[int, int]:
    """On how many labelled faces that they judged differently the one was right, and the other."""
    columns = (Face.emotion, ShadowJudgment.emotion, ReviewSubject.label)
    counted = _select_differing(judge, shadow, *columns, func.count()).where(
        ReviewSubject.label.is_not(None), ~has_taught()
    )
    rows = session.execute(counted.group_by(*columns)).all()
    return (
        sum(count for judged, _, label, count in rows if label.emotion is judged),
        sum(count for _, shadowed, label, count in rows if label.emotion is shadowed),
    )


def _select_differing(judge: ModelVersion, shadow: ModelVersion, *columns: Any) -> Select[Any]:
    """The faces that the two judged differently, with the people's label where there is one."""
    return (
        select(*columns)
        .select_from(ShadowJudgment)
        .join(Face, Face.id == ShadowJudgment.face_id)
        .outerjoin(ReviewItem, ReviewItem.face_id == ShadowJudgment.face_id)
        .outerjoin(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(
            ShadowJudgment.model_version_id == shadow.id,
            ShadowJudgment.judged_by_id == judge.id,
            ShadowJudgment.differs.is_(True),
        )
    )


def _swap(difference: Difference) -> Difference:
    return replace(
        difference,
        first=difference.second,
        first_confidence=difference.second_confidence,
        second=difference.first,
        second_confidence=difference.first_confidence,
    )
