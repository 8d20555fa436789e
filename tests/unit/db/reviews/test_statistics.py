from uuid import UUID

import pytest
from sqlalchemy import update

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.queue import take_faces
from db.reviews.statistics import estimate_live_accuracy, estimate_share, measure_agreement
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses

HAPPY = (Emotion.HAPPY, 0.6)


def vote(database: Database, face_id: UUID, **choices: VoteChoice) -> None:
    with database.write() as session:
        for reviewer, choice in choices.items():
            cast_vote(session, face_id, reviewer, choice)


def set_slice(database: Database, slice_: ReviewSlice) -> None:
    with database.write() as session:
        session.execute(update(ReviewItem).values(slice=slice_))


def take(database: Database, count: int) -> None:
    with database.write() as session:
        assert len(take_faces(session, "ana", limit=count)) == count


def count(database: Database, version: int | None = None) -> tuple[int, int]:
    with database.read() as session:
        accuracy = estimate_live_accuracy(session, model_version=version).accuracy
    return accuracy.hits, accuracy.count


def test_the_interval_is_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20, method 3
    estimate = estimate_share(81, 263)
    assert (estimate.low, estimate.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    nothing = estimate_share(0, 20)
    assert (nothing.low, nothing.high) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_nothing_judged_gives_no_estimate(database: Database) -> None:
    assert estimate_share(0, 0).share is None
    with database.read() as session:
        assert measure_agreement(session).share is None


def test_live_accuracy_counts_the_random_slice_alone(database: Database, analyses: Analyses) -> None:
    right, wrong, noface, vague, unjudged = analyses.store(*[HAPPY] * 5).face_ids
    set_slice(database, ReviewSlice.RANDOM)
    take(database, 5)
    vote(database, right, ana=VoteChoice.HAPPY)
    vote(database, wrong, ana=VoteChoice.SAD)
    vote(database, noface, ana=VoteChoice.NOT_A_FACE)
    vote(database, vague, ana=VoteChoice.AMBIGUOUS)
    vote(database, unjudged, ana=VoteChoice.SKIP)
    with database.read() as session:
        found = estimate_live_accuracy(session)
        assert (found.accuracy.hits, found.accuracy.count, found.not_faces, found.ambiguous) == (1, 2, 1, 1)
        assert estimate_live_accuracy(session, model_version=2).accuracy.count == 0
    set_slice(database, ReviewSlice.UNCERTAIN)
    with database.read() as session:
        assert estimate_live_accuracy(session).accuracy.count == 0


def test_a_face_counts_once_however_often_it_was_analysed(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((Emotion.SAD, 0.6), photo="a" * 64).face_ids
    set_slice(database, ReviewSlice.RANDOM)
    take(database, 1)
    vote(database, face_id, ana=VoteChoice.HAPPY)
    for version in ("first", "second", "second", "second"):
        analyses.store((Emotion.SAD, 0.6) if version == "first" else HAPPY, photo="a" * 64, version=version)
    assert (count(database, 1), count(database, 2), count(database)) == ((0, 1), (1, 1), (1, 1))


def test_a_face_judged_out_of_turn_counts_when_its_turn_has_come(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    set_slice(database, ReviewSlice.RANDOM)
    vote(database, face_id, eva=VoteChoice.HAPPY)
    assert count(database) == (0, 0)
    take(database, 1)
    vote(database, face_id, ana=VoteChoice.SKIP)
    assert count(database) == (1, 1)


def test_agreement_compares_reviewers_of_the_same_face(database: Database, analyses: Analyses) -> None:
    same, split, single = analyses.store(HAPPY, HAPPY, HAPPY).face_ids
    vote(database, same, ana=VoteChoice.HAPPY, ben=VoteChoice.HAPPY, cid=VoteChoice.HAPPY)
    vote(database, split, ana=VoteChoice.HAPPY, ben=VoteChoice.SAD)
    vote(database, single, ana=VoteChoice.ANGRY, ben=VoteChoice.SKIP)
    with database.read() as session:
        found = measure_agreement(session)
    assert (found.faces, found.share) == (2, 0.5)
    # by hand: o = 6/2 + 2/1 - (same) -> D_o = 2, totals happy 4, sad 1 -> D_e = (4 * 1 + 1 * 4) / 4 = 2
    assert found.alpha == pytest.approx(0.0)


def test_a_vote_that_settles_a_tie_does_not_count_as_disagreement(database: Database, analyses: Analyses) -> None:
    same, split, late = analyses.store(HAPPY, HAPPY, HAPPY).face_ids
    vote(database, same, ana=VoteChoice.HAPPY, ben=VoteChoice.HAPPY)
    vote(database, split, ana=VoteChoice.HAPPY, ben=VoteChoice.SAD, cid=VoteChoice.SAD)
    vote(database, late, ana=VoteChoice.HAPPY, ben=VoteChoice.SAD)
    since = utcnow()
    vote(database, late, cid=VoteChoice.SAD, dan=VoteChoice.SAD)
    with database.read() as session:
        assert measure_agreement(session).share == pytest.approx(1 / 3)
        found = measure_agreement(session, since=since)
    assert (found.faces, found.share, found.alpha) == (1, None, 1.0)  # whoever disagreed first did so before


def test_full_agreement_has_an_alpha_of_one(database: Database, analyses: Analyses) -> None:
    first, second = analyses.store(HAPPY, HAPPY).face_ids
    vote(database, first, ana=VoteChoice.HAPPY, ben=VoteChoice.HAPPY)
    vote(database, second, ana=VoteChoice.SAD, ben=VoteChoice.SAD)
    with database.read() as session:
        assert measure_agreement(session).alpha == 1.0
