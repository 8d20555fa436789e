"""Compares two versions on live faces that one classified for the job and the other in shadow mode."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from db.core.vocabulary import ReviewSlice
from db.faces.tables import Face
from db.model_versions.comparison import AnswerComparison, Difference, RightCounts, can_tell, count_right
from db.model_versions.tables import ModelVersion, ShadowPrediction
from db.reviews.tables import ReviewItem, ReviewSubject


@dataclass(frozen=True)
class ShadowCounts:
    """How many live faces the challenger classified, and on how many it agreed with the champion."""

    shared: int
    same: int


def count_shadow_predictions(session: Session, predicted_by_id: UUID, challenger_id: UUID) -> ShadowCounts:
    """Count how often the challenger agreed with the version that classified the faces for the jobs. Reads only an index."""
    statement = select(func.count(), func.count().filter(ShadowPrediction.differs.is_(False))).where(
        ShadowPrediction.model_version_id == challenger_id, ShadowPrediction.predicted_by_id == predicted_by_id
    )
    shared, same = session.execute(statement).one()
    return ShadowCounts(shared, same)


def compare_live(session: Session, first: ModelVersion, second: ModelVersion, *, limit: int) -> AnswerComparison:
    """Compare two versions on live faces that one classified for the job and the other in shadow mode, in either role.

    Accuracy is measured by the labels for which `can_tell` holds; each face counts once, by its latest analysis. limit: maximum
    number of differences listed, newest faces first.
    """
    counts = [count_shadow_predictions(session, one.id, other.id) for one, other in ((first, second), (second, first))]
    right = count_live_right(session, first, second)
    differences = _list_differences(session, first, second, limit)
    differences += [_swap(difference) for difference in _list_differences(session, second, first, limit)]
    return AnswerComparison(
        shared=sum(count.shared for count in counts),
        same=sum(count.same for count in counts),
        first_right=right.first,
        second_right=right.second,
        differences=sorted(differences, key=lambda difference: difference.face_id, reverse=True)[:limit],
        told=right.told,
        both_right=right.both,
    )


def _list_differences(session: Session, predictor: ModelVersion, shadow: ModelVersion, limit: int) -> list[Difference]:
    columns = (Face.id, Face.emotion, Face.confidence, ShadowPrediction.emotion, ShadowPrediction.confidence)
    newest = _select_differing(predictor, shadow, *columns, ReviewSubject.label)
    return [Difference(*row) for row in session.execute(newest.order_by(ShadowPrediction.face_id.desc()).limit(limit))]


def count_live_right(session: Session, first: ModelVersion, second: ModelVersion) -> RightCounts:
    """Count the randomly drawn faces with blind labels that each version classified correctly."""
    is_real = ShadowPrediction.predicted_by_id == first.id
    latest_first = (ReviewItem.created_at.desc(), ReviewItem.face_id.desc())
    ranked = (
        select(
            case((is_real, ReviewItem.emotion), else_=ShadowPrediction.emotion).label("mine"),
            case((is_real, ShadowPrediction.emotion), else_=ReviewItem.emotion).label("theirs"),
            ReviewSubject.blind_label.label("label"),
            func.row_number().over(partition_by=ReviewItem.subject_id, order_by=latest_first).label("place"),
        )
        .join(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .join(ShadowPrediction, ShadowPrediction.face_id == ReviewItem.face_id)
        .where(
            # Few faces are reviewed, so begin with those.
            ReviewItem.slice == ReviewSlice.RANDOM,
            ReviewItem.subject_id.is_not(None),
            or_(_is_pair(first, second), _is_pair(second, first)),
            can_tell(),
        )
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_judged", "sqlite")
        .subquery()
    )
    answers = (ranked.c.mine, ranked.c.theirs, ranked.c.label)
    counts = select(*answers, func.count()).where(ranked.c.place == 1).group_by(*answers)
    return count_right(tuple(row) for row in session.execute(counts))


def _is_pair(predictor: ModelVersion, shadow: ModelVersion) -> ColumnElement[bool]:
    return and_(ShadowPrediction.predicted_by_id == predictor.id, ShadowPrediction.model_version_id == shadow.id)


def _select_differing(predictor: ModelVersion, shadow: ModelVersion, *columns: Any) -> Select[Any]:
    """Select the faces that the two classified differently, with the reviewers' label if there is one."""
    return (
        select(*columns)
        .select_from(ShadowPrediction)
        .join(Face, Face.id == ShadowPrediction.face_id)
        .outerjoin(ReviewItem, ReviewItem.face_id == ShadowPrediction.face_id)
        .outerjoin(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(
            ShadowPrediction.model_version_id == shadow.id,
            ShadowPrediction.predicted_by_id == predictor.id,
            ShadowPrediction.differs.is_(True),
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
