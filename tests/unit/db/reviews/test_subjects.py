from db.core.session import Database
from db.core.vocabulary import ReviewSlice, VoteChoice
from db.jobs.erasure import erase_job
from db.reviews.actions import list_votes, undo_votes
from db.reviews.queue import release_faces
from db.reviews.tables import ReviewItem
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import HAPPY, SAD, set_slice, take, vote


def test_a_reviewers_vote_counts_for_other_analyses_of_the_photo(database: Database, analyses: Analyses) -> None:
    (first,) = analyses.store((HAPPY, 0.9), photo="a" * 64).face_ids
    (before,) = analyses.store((SAD, 0.8), photo="a" * 64, version="second", box=(12, 10, 80, 80)).face_ids
    (elsewhere,) = analyses.store((SAD, 0.7), photo="a" * 64, box=(500, 10, 80, 80)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, first, "ana", VoteChoice.SKIP)
    (after,) = analyses.store((SAD, 0.6), photo="a" * 64, version="third", box=(10, 12, 80, 80)).face_ids
    assert take(database, "ana", limit=9) == [elsewhere]
    assert set(take(database, "ben", limit=9)) == {first, before, after}
    with database.write() as session:
        undo_votes(session, list_votes(session), ANA)
        release_faces(session, "ben")
    assert set(take(database, "ana", limit=9)) == {first, before, after, elsewhere}


def test_a_face_keeps_what_was_drawn_for_it_in_every_analysis(database: Database, analyses: Analyses) -> None:
    (first,) = analyses.store((HAPPY, 0.9), photo="a" * 64).face_ids
    with database.write() as session:
        item = session.get_one(ReviewItem, first)
        item.slice, item.rank, item.votes_wanted = ReviewSlice.RANDOM, 0.25, 2
    boxes = [(12 + 2 * number, 10, 80, 80) for number in range(5)]
    again = [analyses.store((SAD, 0.8), photo="a" * 64, version="second", box=box).face_ids[0] for box in boxes]
    with database.read() as session:
        items = [session.get_one(ReviewItem, face_id) for face_id in again]
    assert {(each.slice, each.rank, each.votes_wanted) for each in items} == {(ReviewSlice.RANDOM, 0.25, 2)}


def test_a_judged_face_does_not_move_another_analysis_to_its_slice(database: Database, analyses: Analyses) -> None:
    (first,) = analyses.store((HAPPY, 0.9), photo="a" * 64).face_ids
    (second,) = analyses.store((SAD, 0.8), photo="a" * 64).face_ids
    set_slice(database, ReviewSlice.RANDOM, second)
    set_slice(database, ReviewSlice.UNCERTAIN, first)
    vote(database, first, "ana", VoteChoice.HAPPY)
    with database.read() as session:
        adopted = session.get_one(ReviewItem, second)
        assert (adopted.slice, adopted.subject_id is None) == (ReviewSlice.RANDOM, False)
    assert take(database, "ben", random_share=1.0) == [second]


def test_the_same_photo_with_the_same_box_is_drawn_alike_after_an_erasure(
    database: Database, analyses: Analyses
) -> None:
    found = []
    for _ in range(2):
        stored = analyses.store(*[(HAPPY, 0.9)] * 9, photo="a" * 64)
        with database.write() as session:
            items = [session.get_one(ReviewItem, face_id) for face_id in stored.face_ids]
            found.append([(item.slice, item.rank, item.votes_wanted) for item in items])
            erase_job(session, stored.job_id)
    assert found[0] == found[1]


def test_another_analysis_of_a_face_that_waits_for_votes_waits_too(database: Database, analyses: Analyses) -> None:
    (first,) = analyses.store((HAPPY, 0.9), photo="a" * 64).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, first, "ana", least_votes=2)
    (second,) = analyses.store((SAD, 0.8), photo="a" * 64, version="second").face_ids
    assert set(take(database, "ben", limit=9)) == {first, second}
    vote(database, first, "ben", least_votes=2)
    analyses.store((SAD, 0.8), photo="a" * 64, version="third")
    assert take(database, "cid", limit=9) == []
