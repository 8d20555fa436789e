from datetime import timedelta
from random import Random

from sqlalchemy import select, update

from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import ReviewSlice, VoteChoice
from db.jobs import queries as job_queries
from db.reviews.actions import list_votes, undo_votes
from db.reviews.filter import ReviewFilter
from db.reviews.queue import RESERVATION_S, count_waiting, release_faces, take_faces
from db.reviews.tables import ReviewItem, ReviewSubject
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import HAPPY, SAD, set_slice, take, vote


def test_the_most_uncertain_face_comes_first(database: Database, analyses: Analyses) -> None:
    sure, unsure, middling = analyses.store((HAPPY, 0.9), (SAD, 0.55), (HAPPY, 0.7)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    assert take(database, limit=3) == [unsure, middling, sure]


def test_one_face_is_not_handed_to_two_reviewers_at_once(database: Database, analyses: Analyses) -> None:
    analyses.store((HAPPY, 0.9), (SAD, 0.55))
    set_slice(database, ReviewSlice.UNCERTAIN)
    first, second = take(database, "ana"), take(database, "ben")
    assert len({*first, *second}) == 2
    assert take(database, "cid") == []
    assert take(database, "ana") == first


def test_a_reservation_passes_or_can_be_given_back(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    assert take(database, "ana") == [face_id]
    with database.write() as session:
        release_faces(session, "ana")
    assert take(database, "ben") == [face_id]
    with database.write() as session:
        session.execute(update(ReviewItem).values(reserved_until=utcnow()))
    assert take(database, "cid") == [face_id]
    with database.read() as session:
        item = session.scalars(select(ReviewItem)).one()
        assert item.reserved_until is not None
        assert item.reserved_until > utcnow() + timedelta(seconds=RESERVATION_S / 2)


def test_what_is_on_the_screen_is_not_handed_out_again(database: Database, analyses: Analyses) -> None:
    first, second = analyses.store((HAPPY, 0.6), (HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    assert take(database, exclude=[first]) == [second]


def test_a_judged_face_leaves_the_queue_and_undoing_brings_it_back(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, face_id)
    assert take(database, "ben") == []
    with database.write() as session:
        assert undo_votes(session, list_votes(session), ANA) == 1
    assert take(database, "ben") == [face_id]


def test_a_skipped_face_goes_to_another_reviewer_alone(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, face_id, "ana", VoteChoice.SKIP)
    assert take(database, "ana") == []
    assert take(database, "ben") == [face_id]


def test_a_face_of_the_random_slice_that_was_judged_out_of_turn_still_has_its_turn(
    database: Database, analyses: Analyses
) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.RANDOM, face_id)
    vote(database, face_id, "ana")
    assert take(database, "ana") == [face_id]
    vote(database, face_id, "ana")
    assert take(database, "ana") == []
    assert take(database, "ben") == []


def test_a_face_is_drawn_when_it_first_has_its_turn(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.RANDOM, face_id)
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=2))
    drawn_at = []
    for reviewer in ("ana", "ben"):
        assert take(database, reviewer) == [face_id]
        vote(database, face_id, reviewer)
        with database.read() as session:
            drawn_at.append(session.scalars(select(ReviewSubject.drawn_at)).one())
    assert drawn_at[0] is not None
    assert drawn_at[1] == drawn_at[0]


def test_tied_votes_ask_for_one_reviewer_more(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, face_id, "ana", VoteChoice.HAPPY)
    vote(database, face_id, "ben", VoteChoice.SAD)
    assert take(database, "cid") == [face_id]
    vote(database, face_id, "cid", VoteChoice.SAD)
    assert take(database, "dan") == []


def test_a_face_that_wants_two_votes_stays_after_one(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=2))
    vote(database, face_id, "ana")
    assert take(database, "ana") == []
    assert take(database, "ben") == [face_id]


def test_a_label_that_needs_more_votes_to_teach_waits_for_them(database: Database, analyses: Analyses) -> None:
    chosen, drawn = analyses.store((HAPPY, 0.9), (HAPPY, 0.8)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN, chosen)
    set_slice(database, ReviewSlice.RANDOM, drawn)
    assert take(database, "ana", limit=2) == [chosen, drawn]
    for face_id in (chosen, drawn):
        vote(database, face_id, "ana", least_votes=3)
    assert take(database, "ana", limit=9) == []
    assert take(database, "ben", limit=9) == [chosen]  # labels of the random slice don't teach, so one vote does
    vote(database, chosen, "ben", least_votes=3)
    assert take(database, "cid", limit=9) == [chosen]
    vote(database, chosen, "cid", least_votes=3)
    assert take(database, "dan", limit=9) == []
    with database.write() as session:
        assert undo_votes(session, list_votes(session, reviewer="ben"), Actor.user("ben"), least_votes=3) == 1
    assert take(database, "dan", limit=9) == [chosen]


def test_the_random_slice_comes_in_its_own_order(database: Database, analyses: Analyses) -> None:
    faces = analyses.store((HAPPY, 0.6), (SAD, 0.99), (HAPPY, 0.8)).face_ids
    set_slice(database, ReviewSlice.RANDOM, *reversed(faces))
    assert take(database, limit=3, random_share=1.0) == faces[::-1]


def test_both_slices_are_mixed_in_the_share_that_is_asked(database: Database, analyses: Analyses) -> None:
    faces = [*analyses.store(*[(HAPPY, 0.6)] * 9).face_ids, *analyses.store(*[(HAPPY, 0.6)] * 9).face_ids]
    set_slice(database, ReviewSlice.UNCERTAIN, *faces[:9])
    set_slice(database, ReviewSlice.RANDOM, *faces[9:])
    taken = take(database, limit=8, random_share=0.5, chance=Random(1))
    chance = Random(1)
    expected = sum(chance.random() < 0.5 for _ in range(8))
    assert len(taken) == 8
    assert 0 < expected < 8
    assert len(set(taken) & set(faces[9:])) == expected


def test_when_one_slice_is_empty_the_other_fills_in(database: Database, analyses: Analyses) -> None:
    faces = analyses.store((HAPPY, 0.6), (SAD, 0.99)).face_ids
    set_slice(database, ReviewSlice.RANDOM, *faces)
    assert take(database, limit=5, random_share=0.0) == faces


def test_the_queue_is_asked_by_application_job_and_face(database: Database, analyses: Analyses) -> None:
    mine = analyses.store((HAPPY, 0.6), (HAPPY, 0.6), application="shop")
    other = analyses.store((HAPPY, 0.6), application="kiosk")
    with database.write() as session:
        job = job_queries.get_job(session, mine.job_id)
        assert job is not None
        for wanted, count in (
            (ReviewFilter(job_id=mine.job_id), 2),
            (ReviewFilter(application_id=job.application_id), 2),
            (ReviewFilter(face_ids=(other.face_ids[0],)), 1),
            (ReviewFilter(job_id=mine.job_id, emotion=SAD), 0),
            (ReviewFilter(), 3),
        ):
            assert count_waiting(session, wanted) == count
            assert len(take_faces(session, "ana", wanted, limit=9)) == count
    vote(database, mine.face_ids[0], "ana")
    with database.read() as session:
        assert count_waiting(session, ReviewFilter(job_id=mine.job_id)) <= 2
        assert count_waiting(session, most=1) == 1
