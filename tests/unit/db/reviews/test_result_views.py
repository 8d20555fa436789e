"""Votes that aren't blind because the reviewer saw the result, and predictions hidden in lists."""

from uuid import UUID, uuid4

from sqlalchemy import select

from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.cards import list_cards
from db.reviews.result_views import has_seen_result, list_hidden, record_result_views
from db.reviews.tables import ResultView
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import set_slice, take, vote

HAPPY = (Emotion.HAPPY, 0.6)


def list_views(database: Database) -> list[tuple[UUID, str]]:
    with database.read() as session:
        return [(view.job_id, view.reviewer) for view in session.scalars(select(ResultView))]


def test_whoever_saw_the_result_of_a_photo_casts_no_blind_vote_on_any_analysis_of_it(
    database: Database, analyses: Analyses
) -> None:
    first, again = (analyses.store(HAPPY, photo="a" * 64) for _ in range(2))
    [face_id] = again.face_ids
    set_slice(database, ReviewSlice.RANDOM, face_id, *first.face_ids)
    record_result_views(database, [first.job_id, uuid4()], "ana")
    record_result_views(database, [first.job_id], "ana")
    assert list_views(database) == [(first.job_id, "ana")]
    blind: dict[str, tuple[bool, bool]] = {}
    for reviewer in ("ana", "ben"):
        assert take(database, reviewer, random_share=1.0) == [face_id]
        with database.write() as session:
            [card] = list_cards(session, [face_id], reviewer)
            cast = cast_vote(session, face_id, reviewer, VoteChoice.SKIP)
            blind[reviewer] = (card.is_blind, cast.is_blind)
    assert blind == {"ana": (False, False), "ben": (True, True)}
    with database.read() as session:
        assert session.scalar(select(has_seen_result("a" * 64, "ana")))
        assert not session.scalar(select(has_seen_result("b" * 64, "ana")))


def test_nothing_is_recorded_where_no_face_may_get_a_blind_vote(database: Database, analyses: Analyses) -> None:
    uncertain, settled = analyses.store(HAPPY), analyses.store(HAPPY)
    set_slice(database, ReviewSlice.RANDOM, *settled.face_ids)
    assert take(database, "ben", random_share=1.0) == settled.face_ids
    vote(database, settled.face_ids[0], "ben")
    for job_id in (uncertain.job_id, settled.job_id, uuid4()):
        record_result_views(database, [job_id], "ana")
    assert list_views(database) == []


def test_lists_keep_back_what_may_still_get_a_blind_vote(database: Database, analyses: Analyses) -> None:
    [uncertain], [waiting], [settled] = (analyses.store(HAPPY).face_ids for _ in range(3))
    set_slice(database, ReviewSlice.RANDOM, settled, waiting)
    vote(database, waiting, "ben")  # out of turn: its turn comes, before another reviewer
    assert take(database, "ben", random_share=1.0) == [settled]
    vote(database, settled, "ben")
    with database.read() as session:
        assert list_hidden(session, [uncertain, waiting, settled, uuid4()]) == {waiting}
