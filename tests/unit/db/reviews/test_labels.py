from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.labels import list_labels
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import set_slice


def test_labels_are_listed_with_their_filters(database: Database, analyses: Analyses) -> None:
    blind, seen, _ = analyses.store(*[(Emotion.HAPPY, 0.6)] * 3).face_ids
    set_slice(database, ReviewSlice.RANDOM, blind)
    with database.write() as session:
        session.get_one(ReviewItem, blind).reserved_by = "ben"
        cast_vote(session, blind, "ben", VoteChoice.SAD)
        cast_vote(session, seen, "ben", VoteChoice.HAPPY)
    with database.read() as session:
        newest, oldest = list_labels(session, limit=9)
        assert [each.label for each in (oldest, newest)] == [VoteChoice.SAD, VoteChoice.HAPPY]
        assert list_labels(session, limit=1) == [newest]
        assert list_labels(session, limit=9, before=newest.id) == [oldest]
        assert list_labels(session, limit=9, label=VoteChoice.SAD) == [oldest]
        assert list_labels(session, limit=9, is_blind=True) == [oldest]
        assert list_labels(session, limit=9, is_blind=False) == [newest]
