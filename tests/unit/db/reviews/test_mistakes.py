from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.mistakes import estimate_by_version, list_mistakes
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import set_slice, take, vote


def test_the_surest_mistakes_come_first_and_each_face_once(database: Database, analyses: Analyses) -> None:
    told = [(Emotion.HAPPY, 0.6), (Emotion.SAD, 0.9), (Emotion.ANGRY, 0.7), (Emotion.HAPPY, 0.8)]
    less, most, right, noface = analyses.store(*told).face_ids
    with database.write() as session:
        for face_id, choice in (
            (less, VoteChoice.SAD),
            (most, VoteChoice.HAPPY),
            (right, VoteChoice.ANGRY),
            (noface, VoteChoice.NOT_A_FACE),
        ):
            cast_vote(session, face_id, "ben", choice)
    with database.read() as session:
        found = list_mistakes(session, 1, limit=10)
        assert [(each.face_id, each.label) for each in found] == [(most, VoteChoice.HAPPY), (less, VoteChoice.SAD)]
        assert len(list_mistakes(session, 1, limit=1)) == 1
        assert list_mistakes(session, 2, limit=10) == []


def test_only_blind_votes_on_faces_drawn_by_chance_estimate_a_version(database: Database, analyses: Analyses) -> None:
    right, wrong, seen = analyses.store(*[(Emotion.HAPPY, 0.6)] * 3).face_ids
    set_slice(database, ReviewSlice.RANDOM, right, wrong, seen)
    with database.write() as session:
        for face_id in (right, wrong):
            session.get_one(ReviewItem, face_id).reserved_by = "ben"
        for face_id, choice in ((right, VoteChoice.HAPPY), (wrong, VoteChoice.SAD), (seen, VoteChoice.SAD)):
            cast_vote(session, face_id, "ben", choice)
    with database.read() as session:
        found = estimate_by_version(session)
    assert {number: (each.hits, each.count) for number, each in found.items()} == {1: (1, 2)}


def test_a_face_that_may_still_get_a_blind_vote_is_no_known_mistake(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((Emotion.HAPPY, 0.6)).face_ids
    set_slice(database, ReviewSlice.RANDOM, face_id)
    vote(database, face_id, "ben", VoteChoice.SAD)  # out of turn, so it waits for its turn
    with database.read() as session:
        assert list_mistakes(session, 1, limit=10) == []
    assert take(database, "ana", random_share=1.0) == [face_id]
    vote(database, face_id, "ana", VoteChoice.SAD)
    with database.read() as session:
        assert [each.face_id for each in list_mistakes(session, 1, limit=10)] == [face_id]
