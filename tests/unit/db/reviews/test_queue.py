from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.faces.tables import Face
from db.jobs.erasure import erase_job
from db.reviews.actions import cast_vote, list_votes, undo_votes
from db.reviews.filter import ReviewFilter
from db.reviews.queue import RESERVATION_S, release_faces, take_faces
from db.reviews.required_votes import list_unsettled, settle_anew
from db.reviews.tables import ReviewItem

if TYPE_CHECKING:
    from tests.unit.conftest import Analyses

HAPPY, SAD = Emotion.HAPPY, Emotion.SAD


def set_slice(database: Database, slice_: ReviewSlice, *face_ids: UUID) -> None:
    """Draw the slice by hand; in the random one the faces' order is the one given."""
    with database.write() as session:
        chosen = ReviewItem.face_id.in_(face_ids) if face_ids else ReviewItem.slice.is_not(None)
        session.execute(update(ReviewItem).where(chosen).values(slice=slice_, votes_wanted=1))
        if slice_ is ReviewSlice.UNCERTAIN:
            margin = select(Face.margin).where(Face.id == ReviewItem.face_id).scalar_subquery()
            session.execute(update(ReviewItem).where(chosen).values(rank=margin))
        else:
            for rank, face_id in enumerate(face_ids):
                session.execute(update(ReviewItem).where(ReviewItem.face_id == face_id).values(rank=rank))


def take(database: Database, reviewer: str = "ana", **options: Any) -> list[UUID]:
    with database.write() as session:
        return [item.face_id for item in take_faces(session, reviewer, **{"random_share": 0.0} | options)]


def vote(
    database: Database,
    face_id: UUID,
    reviewer: str = "ana",
    choice: VoteChoice = VoteChoice.HAPPY,
    *,
    least_votes: int = 1,
) -> None:
    with database.write() as session:
        cast_vote(session, face_id, reviewer, choice, least_votes=least_votes)


def list_open(database: Database) -> set[UUID]:
    with database.read() as session:
        return set(session.scalars(select(ReviewItem.face_id).where(ReviewItem.closed_at.is_(None))))


def test_the_most_uncertain_face_comes_first(database: Database, analyses: "Analyses") -> None:
    sure, unsure, middling = analyses.store((HAPPY, 0.9), (SAD, 0.55), (HAPPY, 0.7)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    assert take(database, limit=3) == [unsure, middling, sure]


def test_one_face_is_not_handed_to_two_reviewers_at_once(database: Database, analyses: "Analyses") -> None:
    analyses.store((HAPPY, 0.9), (SAD, 0.55))
    set_slice(database, ReviewSlice.UNCERTAIN)
    first, second = take(database, "ana"), take(database, "ben")
    assert len({*first, *second}) == 2
    assert take(database, "cid") == []
    assert take(database, "ana") == first


def test_a_reservation_passes_or_can_be_given_back(database: Database, analyses: "Analyses") -> None:
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


def test_what_is_on_the_screen_is_not_handed_out_again(database: Database, analyses: "Analyses") -> None:
    first, second = analyses.store((HAPPY, 0.6), (HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    assert take(database, exclude=[first]) == [second]


def test_a_judged_face_leaves_the_queue_and_undoing_brings_it_back(database: Database, analyses: "Analyses") -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, face_id)
    assert take(database, "ben") == []
    with database.write() as session:
        assert undo_votes(session, list_votes(session), "ana") == 1
    assert take(database, "ben") == [face_id]


def test_a_skipped_face_goes_to_another_reviewer_alone(database: Database, analyses: "Analyses") -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, face_id, "ana", VoteChoice.SKIP)
    assert take(database, "ana") == []
    assert take(database, "ben") == [face_id]


def test_a_reviewers_vote_counts_for_other_analyses_of_the_photo(database: Database, analyses: "Analyses") -> None:
    (first,) = analyses.store((HAPPY, 0.9), photo="a" * 64).face_ids
    (before,) = analyses.store((SAD, 0.8), photo="a" * 64, version="second", box=(12, 10, 80, 80)).face_ids
    (elsewhere,) = analyses.store((SAD, 0.7), photo="a" * 64, box=(500, 10, 80, 80)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, first, "ana", VoteChoice.SKIP)
    (after,) = analyses.store((SAD, 0.6), photo="a" * 64, version="third", box=(10, 12, 80, 80)).face_ids
    assert take(database, "ana", limit=9) == [elsewhere]
    assert set(take(database, "ben", limit=9)) == {first, before, after}
    with database.write() as session:
        undo_votes(session, list_votes(session), "ana")
        release_faces(session, "ben")
    assert set(take(database, "ana", limit=9)) == {first, before, after, elsewhere}


def test_a_face_keeps_what_was_drawn_for_it_in_every_analysis(database: Database, analyses: "Analyses") -> None:
    (first,) = analyses.store((HAPPY, 0.9), photo="a" * 64).face_ids
    with database.write() as session:
        item = session.get_one(ReviewItem, first)
        item.slice, item.rank, item.votes_wanted = ReviewSlice.RANDOM, 0.25, 2
    boxes = [(12 + 2 * number, 10, 80, 80) for number in range(5)]
    again = [analyses.store((SAD, 0.8), photo="a" * 64, version="second", box=box).face_ids[0] for box in boxes]
    with database.read() as session:
        items = [session.get_one(ReviewItem, face_id) for face_id in again]
    assert {(each.slice, each.rank, each.votes_wanted) for each in items} == {(ReviewSlice.RANDOM, 0.25, 2)}


def test_a_judged_face_does_not_move_another_analysis_to_its_slice(database: Database, analyses: "Analyses") -> None:
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
    database: Database, analyses: "Analyses"
) -> None:
    found = []
    for _ in range(2):
        stored = analyses.store(*[(HAPPY, 0.9)] * 9, photo="a" * 64)
        with database.write() as session:
            items = [session.get_one(ReviewItem, face_id) for face_id in stored.face_ids]
            found.append([(item.slice, item.rank, item.votes_wanted) for item in items])
            erase_job(session, stored.job_id)
    assert found[0] == found[1]


def test_a_face_of_the_random_slice_that_was_judged_out_of_turn_still_has_its_turn(
    database: Database, analyses: "Analyses"
) -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.RANDOM, face_id)
    vote(database, face_id, "ana")
    assert take(database, "ana") == [face_id]
    vote(database, face_id, "ana")
    assert take(database, "ana") == []
    assert take(database, "ben") == []


def test_tied_votes_ask_for_one_reviewer_more(database: Database, analyses: "Analyses") -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, face_id, "ana", VoteChoice.HAPPY)
    vote(database, face_id, "ben", VoteChoice.SAD)
    assert take(database, "cid") == [face_id]
    vote(database, face_id, "cid", VoteChoice.SAD)
    assert take(database, "dan") == []


def test_a_face_that_wants_two_votes_stays_after_one(database: Database, analyses: "Analyses") -> None:
    (face_id,) = analyses.store((HAPPY, 0.9)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=2))
    vote(database, face_id, "ana")
    assert take(database, "ana") == []
    assert take(database, "ben") == [face_id]


def test_a_label_that_needs_more_votes_to_teach_waits_for_them(database: Database, analyses: "Analyses") -> None:
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
        assert undo_votes(session, list_votes(session, reviewer="ben"), "ben", least_votes=3) == 1
    assert take(database, "dan", limit=9) == [chosen]


def test_another_analysis_of_a_face_that_waits_for_votes_waits_too(database: Database, analyses: "Analyses") -> None:
    (first,) = analyses.store((HAPPY, 0.9), photo="a" * 64).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    vote(database, first, "ana", least_votes=2)
    (second,) = analyses.store((SAD, 0.8), photo="a" * 64, version="second").face_ids
    assert set(take(database, "ben", limit=9)) == {first, second}
    vote(database, first, "ben", least_votes=2)
    analyses.store((SAD, 0.8), photo="a" * 64, version="third")
    assert take(database, "cid", limit=9) == []


def test_faces_judged_before_the_votes_wanted_changed_are_settled_anew(
    database: Database, analyses: "Analyses"
) -> None:
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
            settle_anew(session, found, least_votes)
            assert list_unsettled(session, least_votes) == []
        assert list_open(database) == before | reopened


def test_the_random_slice_comes_in_its_own_order(database: Database, analyses: "Analyses") -> None:
    faces = analyses.store((HAPPY, 0.6), (SAD, 0.99), (HAPPY, 0.8)).face_ids
    set_slice(database, ReviewSlice.RANDOM, *reversed(faces))
    assert take(database, limit=3, random_share=1.0) == faces[::-1]


def test_both_slices_are_mixed_in_the_share_that_is_asked(database: Database, analyses: "Analyses") -> None:
    faces = [*analyses.store(*[(HAPPY, 0.6)] * 9).face_ids, *analyses.store(*[(HAPPY, 0.6)] * 9).face_ids]
    set_slice(database, ReviewSlice.UNCERTAIN, *faces[:9])
    set_slice(database, ReviewSlice.RANDOM, *faces[9:])
    taken = take(database, limit=8, random_share=0.5, chance=Random(1))
    chance = Random(1)
    expected = sum(chance.random() < 0.5 for _ in range(8))
    assert len(taken) == 8
    assert 0 < expected < 8
    assert len(set(taken) & set(faces[9:])) == expected


def test_when_one_slice_is_empty_the_other_fills_in(database: Database, analyses: "Analyses") -> None:
    faces = analyses.store((HAPPY, 0.6), (SAD, 0.99)).face_ids
    set_slice(database, ReviewSlice.RANDOM, *faces)
    assert take(database, limit=5, random_share=0.0) == faces


def test_filters_that_look_at_the_answer_leave_the_random_slice_alone(database: Database, analyses: "Analyses") -> None:
    faces = analyses.store((SAD, 0.6), (SAD, 0.7)).face_ids
    set_slice(database, ReviewSlice.RANDOM, faces[0])
    set_slice(database, ReviewSlice.UNCERTAIN, faces[1])
    assert take(database, wanted=ReviewFilter(emotion=SAD), limit=2, random_share=1.0) == [faces[1]]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ReviewFilter(emotion=SAD), {1}),
        (ReviewFilter(min_confidence=0.65), {0, 2}),
        (ReviewFilter(max_confidence=0.65), {1}),
        (ReviewFilter(min_confidence=0.65, max_confidence=0.75), {2}),
        (ReviewFilter(min_face_px=50), {0, 1}),
        (ReviewFilter(max_face_px=50), {2}),
        (ReviewFilter(model_version=2), {2}),
        (ReviewFilter(created_from=utcnow() - timedelta(hours=1)), {0, 1, 2}),
        (ReviewFilter(created_before=utcnow() - timedelta(hours=1)), set()),
        (ReviewFilter(emotion=SAD, model_version=2), set()),
    ],
)
def test_each_filter_keeps_what_it_says(
    database: Database, analyses: "Analyses", wanted: ReviewFilter, expected: set[int]
) -> None:
    faces = analyses.store((HAPPY, 0.9), (SAD, 0.6)).face_ids
    faces += analyses.store((HAPPY, 0.7), version="second", box=(0, 0, 40, 80)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    assert {faces.index(face_id) for face_id in take(database, wanted=wanted, limit=9)} == expected
