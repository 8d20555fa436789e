from uuid import UUID

from sqlalchemy import select

from db.core.session import Database
from db.core.vocabulary import ReviewSlice, VoteChoice
from db.reviews.required_votes import list_unsettled, resettle
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import HAPPY, set_slice, take, vote


def list_open(database: Database) -> set[UUID]:
    with database.read() as session:
        return set(session.scalars(select(ReviewItem.face_id).where(ReviewItem.closed_at.is_(None))))


def test_faces_judged_before_the_votes_wanted_changed_are_settled_anew(database: Database, analyses: Analyses) -> None:
    once, twice, tied, drawn = analyses.store(*[(HAPPY, 0.9)] * 4).face_ids
    analyses.store((HAPPY, 0.9))
    set_slice(database, ReviewSlice.UNCERTAIN)
    set_slice(database, ReviewSlice.RANDOM, drawn)
    take(database, "ana", limit=9, random_share=1.0)
    for face_id in (once, twice, tied, drawn):
        vote(database, face_id, "ana")
    for face_id, choice in ((twice, VoteChoice.HAPPY), (tied, VoteChoice.SAD)):
        vote(database, face_id, "ben", choice)
    before = list_open(database)
    assert tied in before
    for least_votes, reopened in ((1, set()), (2, {once}), (3, {once, twice}), (2, {once}), (1, set())):
        with database.write() as session:
            found = list_unsettled(session, least_votes)
            resettle(session, found, least_votes)
            assert list_unsettled(session, least_votes) == []
        assert list_open(database) == before | reopened
