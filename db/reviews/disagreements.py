"""Faces on which reviewers disagree, to be decided by an administrator."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.faces.tables import Face
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote


@dataclass(frozen=True)
class Disagreement:
    """A face whose votes give no label. face: its latest analysis. votes: current ones, including skips, oldest first."""

    face: Face
    subject: ReviewSubject
    votes: Sequence[ReviewVote]


def list_disagreements(session: Session, *, limit: int = 20, before: UUID | None = None) -> list[Disagreement]:
    """List the faces with two votes or more and no label, newest first. before: id of the last subject of the previous page."""
    undecided = select(ReviewSubject).where(ReviewSubject.label.is_(None), ReviewSubject.vote_count > 1)
    if before is not None:
        undecided = undecided.where(ReviewSubject.id < before)
    subjects = session.scalars(undecided.order_by(ReviewSubject.id.desc()).limit(limit)).all()
    votes: dict[object, list[ReviewVote]] = {subject.id: [] for subject in subjects}
    standing = select(ReviewVote).where(ReviewVote.subject_id.in_(votes), ReviewVote.withdrawn_at.is_(None))
    for vote in session.scalars(standing.order_by(ReviewVote.id)):
        votes[vote.subject_id].append(vote)
    # by the key, which sorts by time, so pages stay stable
    shown = (
        select(ReviewItem.subject_id, ReviewItem.face_id)
        .where(ReviewItem.subject_id.in_(votes))
        .order_by(ReviewItem.face_id)
    )
    latest = dict(session.execute(shown).all())
    faces = {face.id: face for face in session.scalars(select(Face).where(Face.id.in_(latest.values())))}
    return [
        Disagreement(faces[latest[subject.id]], subject, votes[subject.id])
        for subject in subjects
        if latest.get(subject.id) in faces
    ]


def count_disagreements(session: Session) -> int:
    """Count the faces that wait for a decision."""
    undecided = (ReviewSubject.label.is_(None), ReviewSubject.vote_count > 1)
    return session.scalar(select(func.count()).select_from(ReviewSubject).where(*undecided)) or 0
