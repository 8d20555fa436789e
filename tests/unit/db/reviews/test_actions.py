from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, VoteChoice
from db.jobs.erasure import erase_job
from db.photos.sweeping import record_purged
from db.reviews.actions import UnknownFace, cast_vote, get_review, list_votes, undo_votes
from db.reviews.subjects import find_labels
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from tests.support.waiting import wait_until

HAPPY = (Emotion.HAPPY, 0.6)


def vote(database: Database, face_id: UUID, choice: VoteChoice, reviewer: str = "ana") -> UUID:
    with database.write() as session:
        return cast_vote(session, face_id, reviewer, choice).id


def undo(database: Database, reviewer: str, count: int, actor: str | None = None) -> int:
    with database.write() as session:
        return undo_votes(session, list_votes(session, reviewer=reviewer, limit=count), Actor.user(actor or reviewer))


def label(database: Database, face_id: UUID) -> VoteChoice | None:
    with database.read() as session:
        return find_labels(session, [face_id]).get(face_id)


def count(database: Database, table: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_most_votes_make_the_label_and_skips_make_none(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.SKIP, "ana")
    assert label(database, face_id) is None
    vote(database, face_id, VoteChoice.SAD, "ben")
    assert label(database, face_id) is VoteChoice.SAD
    vote(database, face_id, VoteChoice.NEUTRAL, "cid")
    assert label(database, face_id) is None
    vote(database, face_id, VoteChoice.NEUTRAL, "dan")
    assert label(database, face_id) is VoteChoice.NEUTRAL


def test_a_reviewers_later_vote_replaces_the_earlier_and_both_are_kept(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.SAD)
    vote(database, face_id, VoteChoice.NOT_A_FACE)
    with database.read() as session:
        item, votes = get_review(session, face_id)
        assert item.subject is not None
        assert (item.subject.label, item.subject.vote_count) == (VoteChoice.NOT_A_FACE, 1)
    assert [(found.choice, found.withdrawn_at is None) for found in votes] == [
        (VoteChoice.SAD, False), (VoteChoice.NOT_A_FACE, True),
    ]  # fmt: skip


def test_undoing_a_vote_brings_back_the_one_that_it_replaced(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.SAD)
    vote(database, face_id, VoteChoice.ANGRY)
    assert undo(database, "ana", 1) == 1
    assert label(database, face_id) is VoteChoice.SAD
    assert undo(database, "ana", 1) == 1
    assert label(database, face_id) is None


def test_many_votes_of_one_reviewer_are_undone_at_once_and_logged(database: Database, analyses: Analyses) -> None:
    faces = analyses.store(HAPPY, HAPPY, HAPPY).face_ids
    for face_id in faces:
        vote(database, face_id, VoteChoice.SAD, "vandal")
    vote(database, faces[0], VoteChoice.HAPPY, "ana")
    assert undo(database, "vandal", 100, actor="boss") == 3
    assert [label(database, face_id) for face_id in faces] == [VoteChoice.HAPPY, None, None]
    with database.read() as session:
        (event,) = list_audit_events(session, AuditFilter(action="review.undo"))
    assert (event.actor, event.subject, event.details) == ("boss", "reviewer:vandal", {"votes": 3})


def test_a_vote_that_was_undone_cannot_be_undone_again(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote_id = vote(database, face_id, VoteChoice.SAD)
    assert undo(database, "ana", 1) == 1
    with database.write() as session:
        assert undo_votes(session, [session.get_one(ReviewVote, vote_id)], ANA) == 0


def test_a_label_outlives_another_analysis_of_the_same_photo(database: Database, analyses: Analyses) -> None:
    first = analyses.store(HAPPY, HAPPY, photo="b" * 64)
    vote(database, first.face_ids[0], VoteChoice.SAD)
    again = analyses.store(HAPPY, HAPPY, photo="b" * 64, version="second", box=(14, 8, 84, 78))
    assert label(database, again.face_ids[0]) is VoteChoice.SAD
    assert label(database, again.face_ids[1]) is None
    with database.read() as session:
        item, _ = get_review(session, again.face_ids[0])
    assert item.closed_at is not None


def test_a_vote_on_one_analysis_counts_for_the_other_too(database: Database, analyses: Analyses) -> None:
    first, second = (analyses.store(HAPPY, photo="a" * 64) for _ in range(2))
    vote(database, first.face_ids[0], VoteChoice.SAD, "ana")
    vote(database, second.face_ids[0], VoteChoice.SAD, "ben")
    assert count(database, ReviewSubject) == 1
    vote(database, second.face_ids[0], VoteChoice.ANGRY, "ana")
    assert label(database, first.face_ids[0]) is None


def test_another_place_in_the_photo_is_another_face(database: Database, analyses: Analyses) -> None:
    first = analyses.store(HAPPY, photo="a" * 64)
    vote(database, first.face_ids[0], VoteChoice.SAD)
    moved = analyses.store(HAPPY, photo="a" * 64, box=(60, 10, 80, 80))
    assert label(database, moved.face_ids[0]) is None


def test_another_photo_with_the_same_boxes_is_another_face(database: Database, analyses: Analyses) -> None:
    first, other = analyses.store(HAPPY), analyses.store(HAPPY)
    vote(database, first.face_ids[0], VoteChoice.SAD)
    assert label(database, other.face_ids[0]) is None


def test_the_purge_of_a_photo_leaves_votes_labels_and_crops(database: Database, analyses: Analyses) -> None:
    stored = analyses.store(HAPPY, crop=b"\x07" * 2304)
    vote(database, stored.face_ids[0], VoteChoice.SAD)
    with database.write() as session:
        record_purged(session, [stored.job_id])
    assert label(database, stored.face_ids[0]) is VoteChoice.SAD
    with database.read() as session:
        assert session.scalars(select(ReviewSubject.crop)).one() == b"\x07" * 2304


def test_erasing_the_job_erases_votes_labels_and_queue(database: Database, analyses: Analyses) -> None:
    stored = analyses.store(HAPPY, HAPPY)
    vote(database, stored.face_ids[0], VoteChoice.SAD)
    vote(database, stored.face_ids[0], VoteChoice.ANGRY)
    with database.write() as session:
        assert erase_job(session, stored.job_id)
    assert [count(database, table) for table in (ReviewSubject, ReviewVote, ReviewItem)] == [0, 0, 0]


def test_erasing_one_of_two_analyses_leaves_the_others_label(database: Database, analyses: Analyses) -> None:
    first, second = (analyses.store(HAPPY, photo="a" * 64, application=name) for name in ("one", "two"))
    vote(database, first.face_ids[0], VoteChoice.SAD)
    vote(database, second.face_ids[0], VoteChoice.SAD, "ben")
    for stored, left in ((first, 1), (second, 0)):
        with database.write() as session:
            erase_job(session, stored.job_id)
        assert count(database, ReviewSubject) == left
    assert count(database, ReviewVote) == 0


def test_undoing_since_a_time_brings_back_no_vote_of_that_time(database: Database, analyses: Analyses) -> None:
    before, during = analyses.store(HAPPY, HAPPY).face_ids
    vote(database, before, VoteChoice.NEUTRAL)
    since = utcnow()
    for face_id in (before, during):
        for choice in (VoteChoice.SAD, VoteChoice.ANGRY, VoteChoice.HAPPY):
            vote(database, face_id, choice)
    with database.write() as session:
        votes = list_votes(session, reviewer="ana", since=since)
        assert undo_votes(session, votes, ANA, since=since) == 2
    assert (label(database, before), label(database, during)) == (VoteChoice.NEUTRAL, None)
    with database.read() as session:
        assert list_votes(session, since=since) == []


def test_a_face_that_is_not_there_takes_no_vote(database: Database) -> None:
    with pytest.raises(UnknownFace), database.write() as session:
        cast_vote(session, uuid4(), "ana", VoteChoice.SAD)


@contextmanager
def at_once(database: Database, work: Callable[[], object]) -> Iterator[Session]:
    """A transaction that ends when another one has begun `work` and waits for it, or has come through."""

    def is_held_up() -> bool:
        # Each second writer waits on SQLite.
        with database.read() as session:
            return database.is_sqlite or bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            yield session
            session.flush()
            working = pool.submit(work)
            wait_until(lambda: working.done() or is_held_up(), "the other one waits")
        working.result(timeout=30)


def find_subjects(database: Database) -> list[tuple[VoteChoice | None, int]]:
    with database.read() as session:
        return [(subject.label, subject.vote_count) for subject in session.scalars(select(ReviewSubject))]


def test_an_undo_and_a_vote_of_another_reviewer_at_once_both_count(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.SAD, "ana")
    with at_once(database, lambda: vote(database, face_id, VoteChoice.ANGRY, "ben")) as session:
        undo_votes(session, list_votes(session, reviewer="ana"), ANA)
    assert find_subjects(database) == [(VoteChoice.ANGRY, 1)]


def test_a_vote_and_an_undo_of_another_reviewer_at_once_both_count(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.SAD, "ana")
    with at_once(database, lambda: undo(database, "ana", 1)) as session:
        cast_vote(session, face_id, "ben", VoteChoice.ANGRY)
    assert find_subjects(database) == [(VoteChoice.ANGRY, 1)]


def test_a_vote_that_is_undone_twice_at_once_is_undone_once(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.SAD, "ana")
    with at_once(database, lambda: undo(database, "ana", 1)) as session:
        assert undo_votes(session, list_votes(session, reviewer="ana"), Actor.user("boss")) == 1
    with database.read() as session:
        assert len(list_audit_events(session, AuditFilter(action="review.undo"))) == 1


def test_first_votes_on_two_analyses_of_a_photo_at_once_are_of_one_face(database: Database, analyses: Analyses) -> None:
    first, second = (analyses.store(HAPPY, photo="a" * 64).face_ids[0] for _ in range(2))
    with at_once(database, lambda: vote(database, second, VoteChoice.SAD, "ben")) as session:
        cast_vote(session, first, "ana", VoteChoice.SAD)
    assert find_subjects(database) == [(VoteChoice.SAD, 2)]


def test_votes_on_two_analyses_of_a_photo_at_once_both_count(database: Database, analyses: Analyses) -> None:
    first, second = (analyses.store(HAPPY, photo="a" * 64).face_ids[0] for _ in range(2))
    vote(database, first, VoteChoice.SAD, "cid")
    with at_once(database, lambda: vote(database, second, VoteChoice.ANGRY, "ben")) as session:
        cast_vote(session, first, "ana", VoteChoice.ANGRY)
    assert find_subjects(database) == [(VoteChoice.ANGRY, 3)]


def test_a_photo_that_is_analysed_anew_while_it_is_first_judged_has_the_label(
    database: Database, analyses: Analyses
) -> None:
    (face_id,) = analyses.store(HAPPY, photo="a" * 64).face_ids
    stored: list[UUID] = []
    with at_once(database, lambda: stored.extend(analyses.store(HAPPY, photo="a" * 64).face_ids)) as session:
        cast_vote(session, face_id, "ana", VoteChoice.SAD)
    assert label(database, stored[0]) is VoteChoice.SAD


def test_a_face_that_is_erased_at_once_takes_no_vote(database: Database, analyses: Analyses) -> None:
    stored = analyses.store(HAPPY)
    vote(database, stored.face_ids[0], VoteChoice.SAD, "ana")
    with (
        pytest.raises(UnknownFace),
        at_once(database, lambda: vote(database, stored.face_ids[0], VoteChoice.SAD, "ben")) as session,
    ):
        erase_job(session, stored.job_id)
    assert find_subjects(database) == []
