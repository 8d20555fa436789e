"""Contents of a review card, and what it hides until the reviewer has voted."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event

from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.jobs.tables import Job
from db.reviews.actions import cast_vote, list_votes, undo_votes
from db.reviews.cards import Card, list_cards
from db.reviews.queue import take_faces
from db.reviews.statistics import estimate_live_accuracy
from db.reviews.tables import ReviewItem, ReviewVote
from db.training_runs.corrections import list_reviewed
from tests.support.factories.analyses import Analyses

HAPPY = (Emotion.HAPPY, 0.6)


def draw(database: Database, face_id: UUID) -> None:
    """Make it one of the random slice, whose turn is next."""
    with database.write() as session:
        item = session.get_one(ReviewItem, face_id)
        item.slice, item.rank = ReviewSlice.RANDOM, -1.0


def take(database: Database, reviewer: str, *, is_seen: bool = False) -> list[UUID]:
    with database.write() as session:
        return [item.face_id for item in take_faces(session, reviewer, random_share=1.0, is_seen=is_seen)]


def vote(database: Database, face_id: UUID, choice: VoteChoice, reviewer: str, **how: bool) -> ReviewVote:
    with database.write() as session:
        return cast_vote(session, face_id, reviewer, choice, **how)


def show(database: Database, face_id: UUID, reviewer: str) -> Card:
    with database.read() as session:
        [card] = list_cards(session, [face_id], reviewer)
        return card


def test_cards_come_in_the_order_asked_and_faces_that_are_gone_are_left_out(
    database: Database, analyses: Analyses
) -> None:
    first, second = analyses.store(HAPPY, HAPPY), analyses.store(HAPPY)
    wanted = [second.face_ids[0], uuid4(), first.face_ids[1], first.face_ids[0]]
    with database.read() as session:
        cards = list_cards(session, wanted, "ana")
    assert [card.face.id for card in cards] == [wanted[0], wanted[2], wanted[3]]
    assert [card.job.id for card in cards] == [second.job_id, first.job_id, first.job_id]
    assert [card.item.face_id for card in cards] == [card.face.id for card in cards]


def test_the_votes_are_those_that_stand_whichever_analysis_they_were_cast_on(
    database: Database, analyses: Analyses
) -> None:
    first, again = (analyses.store(HAPPY, photo="a" * 64).face_ids[0] for _ in range(2))
    vote(database, first, VoteChoice.SAD, "ana")
    vote(database, first, VoteChoice.ANGRY, "ana")
    vote(database, again, VoteChoice.SKIP, "ben")
    card = show(database, again, "ana")
    assert [(each.reviewer, each.choice) for each in card.votes] == [
        ("ana", VoteChoice.ANGRY),
        ("ben", VoteChoice.SKIP),
    ]
    assert card.has_own_vote
    assert not show(database, again, "cid").has_own_vote


def test_a_reviewer_who_undid_a_vote_has_none_but_is_not_blind_again(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    draw(database, face_id)
    take(database, "ana")
    vote(database, face_id, VoteChoice.SAD, "ana")
    with database.write() as session:
        undo_votes(session, list_votes(session, reviewer="ana"), Actor.user("ana"))
    card = show(database, face_id, "ana")
    assert (card.votes, card.has_own_vote, card.is_blind) == ([], False, False)
    assert show(database, face_id, "ben").is_blind


def test_nothing_is_kept_back_of_the_uncertain_slice(database: Database, analyses: Analyses) -> None:
    assert not show(database, analyses.store(HAPPY).face_ids[0], "ana").is_blind


def test_a_photo_is_not_shown_once_its_time_is_over(database: Database, analyses: Analyses) -> None:
    stored = analyses.store(HAPPY)
    assert show(database, stored.face_ids[0], "ana").is_photo_kept
    with database.write() as session:
        session.get_one(Job, stored.job_id).purge_photo_at = utcnow()
    assert not show(database, stored.face_ids[0], "ana").is_photo_kept


def test_two_queries_are_enough_however_many_cards_there_are(database: Database, analyses: Analyses) -> None:
    face_ids = [*analyses.store(HAPPY, HAPPY, HAPPY).face_ids, *analyses.store(HAPPY, version="second").face_ids]
    for face_id in face_ids[:3]:
        vote(database, face_id, VoteChoice.SAD, "ana")
    asked: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", record)
    with database.read() as session:
        cards = list_cards(session, face_ids, "ana")
        shown = [(card.face.model_version.number, len(card.votes), card.job.photo_sha256) for card in cards]
    event.remove(database.engine, "before_cursor_execute", record)
    assert [(number, votes) for number, votes, _ in shown] == [(1, 1), (1, 1), (1, 1), (2, 0)]
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 2


def test_only_what_was_handed_out_without_the_prediction_is_blind(database: Database, analyses: Analyses) -> None:
    blind, seen, elsewhere = (analyses.store(HAPPY).face_ids[0] for _ in range(3))
    draw(database, blind)
    assert take(database, "ana") == [blind]
    with database.read() as session:
        assert list_cards(session, [blind], "ana")[0].is_blind
    assert vote(database, blind, VoteChoice.SAD, "ana").is_blind
    assert not vote(database, blind, VoteChoice.HAPPY, "ana").is_blind  # by now the reviewer knows
    with database.write() as session:
        undo_votes(session, list_votes(session, reviewer="ana", limit=1), Actor.user("ana"))
    draw(database, seen)
    assert take(database, "ana", is_seen=True) == [seen]
    assert take(database, "ana") == [seen]  # handed out once more, it stays seen
    assert not vote(database, seen, VoteChoice.HAPPY, "ana").is_blind
    draw(database, elsewhere)
    assert take(database, "ana") == [elsewhere]
    assert not vote(database, elsewhere, VoteChoice.HAPPY, "ana", is_from_queue=False).is_blind
    with database.read() as session:
        live = estimate_live_accuracy(session)
        assert (live.blind.hits, live.blind.count) == (0, 1)
        assert (live.seen.hits, live.seen.count) == (1, 1)  # the third was judged out of turn
        assert live.accuracy.count == 2
        assert [found.emotion for found in list_reviewed(session, limit=9)] == [Emotion.SAD]
