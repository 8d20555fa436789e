"""A version's errors according to labels: its most confident mistakes, and accuracy by version."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.core.vocabulary import EMOTIONS, Emotion, ReviewSlice, VoteChoice
from db.reviews.statistics import Estimate, estimate_share
from db.reviews.tables import ReviewItem, ReviewSubject

NEWEST_LABELS = 2000
"""Maximum number of labels searched for mistakes, so that the page is fast."""

_EMOTIONS = tuple(VoteChoice(emotion.value) for emotion in EMOTIONS)


@dataclass(frozen=True)
class Mistake:
    """A face whose label differs from a version's prediction. confidence: the version's, 0 to 1."""

    face_id: UUID
    emotion: Emotion
    confidence: float
    label: VoteChoice


def list_mistakes(session: Session, model_version: int, *, limit: int) -> list[Mistake]:
    """List the most confident mistakes of a version, by number, among the newest labels; each face once.

    Faces that may still get a blind vote are left out.
    """
    newest = (
        select(ReviewSubject.id, ReviewSubject.label)
        .where(ReviewSubject.labeled_at.is_not(None), ReviewSubject.label.in_(_EMOTIONS))
        .order_by(ReviewSubject.labeled_at.desc())
        .limit(NEWEST_LABELS)
        .subquery()
    )
    wrong = (
        select(ReviewItem.face_id, ReviewItem.emotion, ReviewItem.confidence, newest.c.label, ReviewItem.subject_id)
        .join(newest, newest.c.id == ReviewItem.subject_id)
        .where(
            ReviewItem.model_version == model_version,
            # the page would reveal the prediction of faces that may still get a blind vote
            or_(ReviewItem.slice != ReviewSlice.RANDOM, ReviewItem.closed_at.is_not(None)),
        )
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_subject_id", "sqlite")
    )
    found: dict[UUID, Mistake] = {}
    for face_id, emotion, confidence, label, subject_id in session.execute(wrong):
        known = found.get(subject_id)
        if label.emotion is not emotion and (known is None or known.confidence < confidence):
            found[subject_id] = Mistake(face_id, emotion, confidence, label)
    return sorted(found.values(), key=lambda mistake: -mistake.confidence)[:limit]


def estimate_by_version(session: Session) -> Mapping[int, Estimate]:
    """Estimate the accuracy of each version, by number, on randomly drawn faces with blind votes; a face counts once per
    version.
    """
    latest_first = (ReviewItem.created_at.desc(), ReviewItem.emotion)
    once = (ReviewItem.subject_id, ReviewItem.model_version)
    ranked = (
        select(
            ReviewItem.model_version,
            ReviewItem.emotion,
            ReviewSubject.blind_label,
            func.row_number().over(partition_by=once, order_by=latest_first).label("place"),
        )
        .join(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(
            ReviewItem.slice == ReviewSlice.RANDOM,
            ReviewItem.subject_id.is_not(None),
            ReviewSubject.blind_label.in_(_EMOTIONS),
            ReviewSubject.drawn_at.is_not(None),
        )
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_judged", "sqlite")
        .subquery()
    )
    kinds = (ranked.c.model_version, ranked.c.emotion, ranked.c.blind_label)
    rows = session.execute(select(*kinds, func.count()).where(ranked.c.place == 1).group_by(*kinds))
    right, all_ = Counter[int](), Counter[int]()
    for number, emotion, label, count in rows:
        all_[number] += count
        right[number] += count * (label.emotion is emotion)
    return {number: estimate_share(right[number], count) for number, count in all_.items()}
