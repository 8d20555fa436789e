"""Votes on faces, and the labels that result from them.

Each reviewer has at most one current vote per face; a later one replaces it. Votes are deleted only with their face. The label is
the choice with the most current votes, not counting skips. In a tie there is no label, and the face stays in the queue for another
reviewer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.errors import DomainError
from db.core.types import utcnow
from db.core.vocabulary import ReviewSlice, VoteChoice
from db.faces.tables import Face
from db.jobs.tables import Job
from db.reviews.result_views import has_seen_result
from db.reviews.subjects import adopt_faces, choose_same, is_settled, lock_subjects, lock_subjects_by_id
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote


class UnknownFace(DomainError):
    """There is no such face, or it was erased."""

    code = "unknown_face"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown face"
    meaning = "There is no face with this id, or it was erased with its job."


def cast_vote(
    session: Session,
    face_id: UUID,
    reviewer: str,
    choice: VoteChoice,
    *,
    least_votes: int = 1,
    is_from_queue: bool = True,
    is_deciding: bool = False,
) -> ReviewVote:
    """Store a reviewer's vote, replacing an earlier one, and update the face's label. Raises UnknownFace.

    least_votes: votes that a label needs for training; until then the face waits for other reviewers.
    is_from_queue: whether the reviewer got the face from the queue, not from a page that shows its prediction.
    is_deciding: whether the vote resolves a disagreement: then it is the label, whatever the others chose.

    The vote is blind if the queue handed out the face without its prediction, and the reviewer neither voted on it before nor
    saw the result of a job with its photo.
    """
    photo_sha256 = session.scalar(select(Job.photo_sha256).join(Face, Face.job_id == Job.id).where(Face.id == face_id))
    subjects = lock_subjects(session, photo_sha256) if photo_sha256 is not None else ()
    item = session.get(ReviewItem, face_id, populate_existing=True)
    if photo_sha256 is None or item is None:
        raise UnknownFace(f"there is no face {face_id}")
    subject = item.subject or _find_subject(session, face_id, photo_sha256, subjects)
    item.subject = subject
    own = session.scalars(
        select(ReviewVote).where(ReviewVote.subject_id == subject.id, ReviewVote.reviewer == reviewer)
    ).all()
    earlier = next((each for each in own if each.withdrawn_at is None), None)
    has_seen = bool(own) or item.reserved_seen or session.scalar(select(has_seen_result(photo_sha256, reviewer)))
    is_in_turn = is_from_queue and item.reserved_by == reviewer and item.slice is ReviewSlice.RANDOM
    if earlier is not None:
        earlier.withdrawn_at, earlier.withdrawn_by = utcnow(), reviewer
        session.flush()  # before the new vote: only one may be current
    vote = ReviewVote(
        subject_id=subject.id,
        face_id=face_id,
        reviewer=reviewer,
        choice=choice,
        predicted=item.emotion,
        model_version=item.model_version,
        replaces_id=earlier.id if earlier else None,
        is_blind=is_in_turn and not has_seen and not is_deciding,
        is_deciding=is_deciding,
    )
    session.add(vote)
    if item.reserved_by == reviewer:
        item.reserved_by = item.reserved_until = None
        if is_in_turn:
            subject.drawn_at = subject.drawn_at or utcnow()
    _settle(session, subject, least_votes)
    return vote


def undo_votes(
    session: Session,
    votes: Iterable[ReviewVote],
    actor: Actor,
    *,
    since: datetime | None = None,
    least_votes: int = 1,
) -> int:
    """Undo votes. A vote that one of them replaced becomes current again. Returns how many were current.

    actor: the reviewer or an administrator.
    since: votes cast at or after it don't become current again, earlier ones do. Faces that lack votes return to the queue.
    least_votes: see `cast_vote`.
    """
    given = tuple(votes)
    subjects = lock_subjects_by_id(session, {vote.subject_id for vote in given})
    wanted = select(ReviewVote).where(ReviewVote.id.in_([vote.id for vote in given])).order_by(ReviewVote.id.desc())
    undone = Counter[str]()
    # Read again: another transaction may have changed them before they were locked.
    for vote in session.scalars(wanted.execution_options(populate_existing=True)).all():
        if vote.withdrawn_at is not None:
            continue
        vote.withdrawn_at, vote.withdrawn_by = utcnow(), actor
        session.flush()
        earlier = _find_replaced(session, vote)
        while earlier is not None and since is not None and earlier.at >= since:
            earlier = _find_replaced(session, earlier)
        if earlier is not None:
            earlier.withdrawn_at = earlier.withdrawn_by = None
        undone[vote.reviewer] += 1
    for subject in subjects:
        _settle(session, subject, least_votes)
    for reviewer, count in undone.items():
        record_audit_event(session, actor, "review.undo", f"reviewer:{reviewer}", votes=count)
    return undone.total()


def list_votes(
    session: Session,
    *,
    reviewer: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> Sequence[ReviewVote]:
    """List the latest current votes, newest first. since: cast at or after. before: the last vote of the previous page."""
    statement = select(ReviewVote).where(ReviewVote.withdrawn_at.is_(None))
    if before is not None:
        statement = statement.where(ReviewVote.id < before)
    if reviewer is not None:
        statement = statement.where(ReviewVote.reviewer == reviewer)
    if since is not None:
        statement = statement.where(ReviewVote.at >= since)
    return session.scalars(statement.order_by(ReviewVote.id.desc()).limit(limit)).all()


def get_votes(session: Session, vote_ids: Iterable[UUID]) -> Sequence[ReviewVote]:
    """Return these votes, newest first, without unknown ids."""
    wanted = select(ReviewVote).where(ReviewVote.id.in_(tuple(vote_ids)))
    return session.scalars(wanted.order_by(ReviewVote.id.desc())).all()


def find_job_id(session: Session, face_id: UUID) -> UUID | None:
    """Return the job of a face, or None if the face was erased."""
    return session.scalar(select(Face.job_id).where(Face.id == face_id))


def get_review(session: Session, face_id: UUID) -> tuple[ReviewItem, Sequence[ReviewVote]]:
    """Return a face's queue entry, with its subject, and every vote on the face, oldest first. Raises UnknownFace."""
    item = session.get(ReviewItem, face_id)
    if item is None:
        raise UnknownFace(f"there is no face {face_id}")
    return item, item.subject.votes if item.subject is not None else ()


def _find_subject(
    session: Session, face_id: UUID, photo_sha256: str, subjects: Sequence[ReviewSubject]
) -> ReviewSubject:
    """Return the photo's reviewed face that this one is, or a new one."""
    face = session.scalars(select(Face).options(undefer(Face.crop)).where(Face.id == face_id)).one()
    subject = choose_same(face, subjects)
    if subject is None:
        subject = ReviewSubject(
            photo_sha256=photo_sha256, x=face.x, y=face.y, width=face.width, height=face.height, crop=face.crop
        )
        session.add(subject)
        session.flush()
        adopt_faces(session, subject, subjects)
    return subject


def _find_replaced(session: Session, vote: ReviewVote) -> ReviewVote | None:
    return session.get(ReviewVote, vote.replaces_id, populate_existing=True) if vote.replaces_id else None


def _settle(session: Session, subject: ReviewSubject, least_votes: int) -> None:
    """Compute the labels from the current votes, and open or close the face's queue entries."""
    session.flush()
    votes = session.execute(
        select(ReviewVote.choice, ReviewVote.is_blind, ReviewVote.is_deciding)
        .where(
            ReviewVote.subject_id == subject.id,
            ReviewVote.withdrawn_at.is_(None),
            ReviewVote.choice != VoteChoice.SKIP,
        )
        .order_by(ReviewVote.id)
    ).all()
    decisions = [choice for choice, _, is_deciding in votes if is_deciding]
    label = decisions[-1] if decisions else _choose_label([choice for choice, _, _ in votes])
    blind_label = _choose_label([choice for choice, is_blind, _ in votes if is_blind])
    now = utcnow()
    if (label, blind_label) != (subject.label, subject.blind_label):
        subject.label, subject.blind_label, subject.labeled_at = label, blind_label, now
    subject.vote_count = len(votes)
    for item in session.scalars(select(ReviewItem).where(ReviewItem.subject_id == subject.id)):
        item.closed_at = (item.closed_at or now) if is_settled(item, subject, least_votes) else None


def _choose_label(choices: Sequence[VoteChoice]) -> VoteChoice | None:
    """Return the choice with the most votes, or None in a tie."""
    ranking = Counter(choices).most_common(2)
    is_tied = len(ranking) == 2 and ranking[0][1] == ranking[1][1]
    return None if not ranking or is_tied else ranking[0][0]
