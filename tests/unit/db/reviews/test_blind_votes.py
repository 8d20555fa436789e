"""Blind votes, disagreements, reports, and the queue by job."""

from uuid import UUID

import pytest

from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReportKind, ReviewSlice, VoteChoice
from db.jobs import queries as job_queries
from db.jobs.erasure import erase_job
from db.reviews.actions import cast_vote, list_votes, undo_votes
from db.reviews.cards import list_cards
from db.reviews.disagreements import count_disagreements, list_disagreements
from db.reviews.examples import list_examples
from db.reviews.filter import ReviewFilter
from db.reviews.progress import list_progress
from db.reviews.queue import count_waiting, take_faces
from db.reviews.reports import InvalidReport, create_report, list_reports
from db.reviews.statistics import estimate_live_accuracy
from db.reviews.tables import ReviewItem, ReviewVote
from db.training_runs.corrections import list_reviewed
from tests.unit.conftest import Analyses

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


def test_a_deciding_vote_settles_what_reviewers_disagree_on(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.SAD, "ana")
    vote(database, face_id, VoteChoice.HAPPY, "ben")
    with database.read() as session:
        [found] = list_disagreements(session)
        assert (found.face.id, [each.choice for each in found.votes]) == (face_id, [VoteChoice.SAD, VoteChoice.HAPPY])
    vote(database, face_id, VoteChoice.NEUTRAL, "cid", is_from_queue=False, is_deciding=True)
    with database.read() as session:
        assert count_disagreements(session) == 0
        assert list_examples(session) == {Emotion.NEUTRAL: [face_id]}
        rows = {row.reviewer: row for row in list_progress(session, since=utcnow().replace(year=2020), today=utcnow())}
    assert (rows["ana"].votes, rows["ana"].shared, rows["ana"].agreed) == (1, 1, 0)
    assert rows["cid"].agreed == 1


def test_the_queue_is_asked_by_application_job_and_face(database: Database, analyses: Analyses) -> None:
    mine, other = analyses.store(HAPPY, HAPPY, application="shop"), analyses.store(HAPPY, application="kiosk")
    with database.write() as session:
        job = job_queries.get_job(session, mine.job_id)
        assert job is not None
        for wanted, count in (
            (ReviewFilter(job_id=mine.job_id), 2),
            (ReviewFilter(application_id=job.application_id), 2),
            (ReviewFilter(face_ids=(other.face_ids[0],)), 1),
            (ReviewFilter(job_id=mine.job_id, emotion=Emotion.SAD), 0),
            (ReviewFilter(), 3),
        ):
            assert count_waiting(session, wanted) == count
            assert len(take_faces(session, "ana", wanted, limit=9)) == count
    vote(database, mine.face_ids[0], VoteChoice.HAPPY, "ana")
    with database.read() as session:
        assert count_waiting(session, ReviewFilter(job_id=mine.job_id)) <= 2
        assert count_waiting(session, most=1) == 1


def test_a_missed_face_and_a_wrong_box_are_reported_and_erased_with_the_job(
    database: Database, analyses: Analyses
) -> None:
    photo, other, ana = analyses.store(HAPPY), analyses.store(HAPPY), Actor.user("ana")
    with database.write() as session:
        job = job_queries.get_job(session, photo.job_id)
        assert job is not None
        create_report(session, job, ReportKind.MISSED_FACE, ana, box=(900, 900, 100, 100), note=" behind ")
        create_report(session, job, ReportKind.WRONG_BOX, ana, face_id=photo.face_ids[0])
        for wrong in (
            {"kind": ReportKind.WRONG_BOX},
            {"kind": ReportKind.WRONG_BOX, "face_id": other.face_ids[0]},
            {"kind": ReportKind.MISSED_FACE, "box": (901, 900, 100, 100)},
            {"kind": ReportKind.MISSED_FACE, "box": (0, 0, 0, 5)},
        ):
            with pytest.raises(InvalidReport):
                create_report(session, job, actor=ana, **wrong)  # type: ignore[arg-type]
        reports = list_reports(session, photo.job_id)
        assert [(each.kind, each.note) for each in reports] == [
            (ReportKind.MISSED_FACE, "behind"),
            (ReportKind.WRONG_BOX, ""),
        ]
    with database.write() as session:
        assert erase_job(session, photo.job_id)
    with database.read() as session:
        assert list_reports(session, photo.job_id) == []
