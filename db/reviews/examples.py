"""Faces on which reviewers agree, as examples of each emotion."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.core.vocabulary import Emotion
from db.reviews.tables import ReviewItem, ReviewSubject

_NEWEST = 500
"""Maximum number of labels searched, so that a rare emotion doesn't slow the page."""


def list_examples(session: Session, each: int = 4, newest: int = _NEWEST) -> dict[Emotion, list[UUID]]:
    """Return ids of faces whose label is an emotion, at most `each` per emotion, from the newest labels; those with several
    agreeing votes first. newest: number of labels to look through.
    """
    rows = session.execute(
        select(ReviewSubject.id, ReviewSubject.label, ReviewSubject.vote_count)
        .where(ReviewSubject.label.is_not(None), ReviewSubject.labeled_at.is_not(None))
        .order_by(ReviewSubject.labeled_at.desc())
        .limit(newest)
    ).all()
    chosen: dict[Emotion, list[UUID]] = defaultdict(list)
    for subject_id, label, _ in sorted(rows, key=lambda row: -min(row[2], 2)):
        if label is not None and label.emotion is not None and len(chosen[label.emotion]) < each:
            chosen[label.emotion].append(subject_id)
    wanted = [subject_id for ids in chosen.values() for subject_id in ids]
    shown = session.execute(select(ReviewItem.subject_id, ReviewItem.face_id).where(ReviewItem.subject_id.in_(wanted)))
    faces = dict(shown.all())
    return {
        emotion: [faces[subject_id] for subject_id in ids if subject_id in faces] for emotion, ids in chosen.items()
    }
