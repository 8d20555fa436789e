"""Statistics of votes: accuracy on live faces, and agreement of reviewers."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import Session

from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote

_Z = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True)
class Estimate:
    """An observed share, and the 95 % interval of the true one. All None if nothing was observed."""

    hits: int
    count: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LiveAccuracy:
    """Accuracy on randomly drawn faces, each counted once.

    blind: faces whose reviewers didn't know the prediction.
    seen: all others.
    accuracy: both together.
    not_faces, ambiguous: drawn faces without a right answer, in none of the estimates.
    """

    accuracy: Estimate
    blind: Estimate
    seen: Estimate
    not_faces: int
    ambiguous: int


@dataclass(frozen=True)
class Agreement:
    """Agreement of reviewers on the same faces.

    faces: with two votes or more, not counting skips.
    share: of faces whose first two votes agree; a third vote is only requested if they differ, so counting it would
    underestimate agreement.
    alpha: Krippendorff's, for nominal data: 1 is full agreement, 0 is chance. None without data.
    """

    faces: int
    share: float | None
    alpha: float | None


def estimate_share(hits: int, count: int) -> Estimate:
    """Return a share with its 95 % Wilson interval (1927), which is valid for few observations and near 0 and 1."""
    if not count:
        return Estimate(0, 0, None, None, None)
    share, z2 = hits / count, _Z * _Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half_width = _Z * sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return Estimate(hits, count, share, max(0.0, middle - half_width), min(1.0, middle + half_width))


def estimate_live_accuracy(
    session: Session, *, model_version: int | None = None, since: datetime | None = None, before: datetime | None = None
) -> LiveAccuracy:
    """Estimate accuracy from the random slice. Times: faces stored since (inclusive), before (exclusive).

    model_version: uses its latest prediction for each face. By default, the latest prediction of any version.
    """
    conditions = []
    if model_version is not None:
        conditions.append(ReviewItem.model_version == model_version)
    if since is not None:
        conditions.append(ReviewItem.created_at >= since)
    if before is not None:
        conditions.append(ReviewItem.created_at < before)
    drawn = select_drawn(*conditions).subquery()
    kinds = (drawn.c.emotion, drawn.c.label, drawn.c.is_blind)
    right: dict[bool, Counter[bool]] = {True: Counter(), False: Counter()}
    others = Counter[VoteChoice]()
    for predicted, label, is_blind, count in session.execute(select(*kinds, func.count()).group_by(*kinds)):
        if label.emotion is None:
            others[label] += count
        else:
            right[bool(is_blind)][predicted.value == label] += count
    both = right[True] + right[False]
    accuracy, blind, seen = (
        estimate_share(counts[True], counts.total()) for counts in (both, right[True], right[False])
    )
    return LiveAccuracy(accuracy, blind, seen, others[VoteChoice.NOT_A_FACE], others[VoteChoice.AMBIGUOUS])


def select_drawn(*conditions: ColumnElement[bool]) -> Select[datetime, Emotion, VoteChoice | None, bool]:
    """Select the labelled faces of the random slice that were reviewed in their turn: created_at, emotion, label, is_blind.

    A label from blind votes takes precedence over one from other votes. A face counts once, however often its photo was analysed:
    by the latest analysis that matches the conditions on ReviewItem.
    """
    latest_first = (ReviewItem.created_at.desc(), ReviewItem.emotion)
    ranked = (
        select(
            ReviewItem.created_at,
            ReviewItem.emotion,
            func.coalesce(ReviewSubject.blind_label, ReviewSubject.label, type_=ReviewSubject.label.type).label(
                "label"
            ),
            ReviewSubject.blind_label.is_not(None).label("is_blind"),
            func.row_number().over(partition_by=ReviewItem.subject_id, order_by=latest_first).label("place"),
        )
        .join(ReviewSubject, ReviewSubject.id == ReviewItem.subject_id)
        .where(
            ReviewItem.slice == ReviewSlice.RANDOM,
            ReviewItem.subject_id.is_not(None),
            ReviewSubject.label.is_not(None),
            ReviewSubject.drawn_at.is_not(None),
            *conditions,
        )
        .with_hint(ReviewItem, "INDEXED BY ix_review_items_judged", "sqlite")
        .subquery()
    )
    drawn = (ranked.c.created_at, ranked.c.emotion, ranked.c.label, ranked.c.is_blind)
    return select(*drawn).where(ranked.c.place == 1)


def measure_agreement(session: Session, *, since: datetime | None = None) -> Agreement:
    """Compare the current votes on faces with several reviewers. since: votes cast at or after."""
    place = func.row_number().over(partition_by=ReviewVote.subject_id, order_by=ReviewVote.id)
    # the literal is that of the index, which a parameter would rule out
    several = select(ReviewSubject.id).where(ReviewSubject.vote_count > literal_column("1"))
    several = several.with_hint(ReviewSubject, "INDEXED BY ix_review_subjects_several_votes", "sqlite")
    standing = (
        select(ReviewVote.subject_id, ReviewVote.choice, ReviewVote.at, place.label("place"))
        .where(
            ReviewVote.subject_id.in_(several),
            ReviewVote.withdrawn_at.is_(None),
            ReviewVote.choice != VoteChoice.SKIP,
            ~ReviewVote.is_deciding,
        )
        .subquery()
    )
    kinds = (standing.c.subject_id, standing.c.choice, standing.c.place <= 2)
    statement = select(*kinds, func.count()).group_by(*kinds)
    if since is not None:
        statement = statement.where(standing.c.at >= since)
    faces, firsts = defaultdict[UUID, Counter[VoteChoice]](Counter), defaultdict[UUID, Counter[VoteChoice]](Counter)
    for subject_id, choice, is_first, count in session.execute(statement):
        faces[subject_id][choice] += count
        if is_first:
            firsts[subject_id][choice] += count
    votes = [counts for counts in faces.values() if counts.total() > 1]
    if not votes:
        return Agreement(0, None, None)
    pairs = [counts for counts in firsts.values() if counts.total() == 2]
    share = sum(len(counts) == 1 for counts in pairs) / len(pairs) if pairs else None
    return Agreement(len(votes), share, _compute_alpha(votes))


def _compute_alpha(votes: list[Counter[VoteChoice]]) -> float:
    """Return Krippendorff's alpha (2011, "Computing Krippendorff's Alpha-Reliability", section C), with each face weighted by its
    votes.
    """
    totals = sum(votes, Counter[VoteChoice]())
    count = totals.total()
    observed = sum(
        sum(number * (counts.total() - number) for number in counts.values()) / (counts.total() - 1) for counts in votes
    )
    expected = sum(number * (count - number) for number in totals.values()) / (count - 1)
    return 1.0 if not expected else 1 - observed / expected
