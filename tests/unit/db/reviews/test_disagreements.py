"""Faces whose votes give no label."""

from uuid import UUID

from sqlalchemy import select

from db.core.session import Database
from db.core.vocabulary import Emotion, VoteChoice
from db.jobs.erasure import erase_job
from db.reviews.actions import cast_vote
from db.reviews.disagreements import Disagreement, count_disagreements, list_disagreements
from db.reviews.tables import ReviewSubject
from tests.support.factories.analyses import Analyses

HAPPY = (Emotion.HAPPY, 0.6)


def vote(database: Database, face_id: UUID, choice: VoteChoice, reviewer: str, **how: bool) -> None:
    with database.write() as session:
        cast_vote(session, face_id, reviewer, choice, **how)


def disagree(database: Database, face_id: UUID) -> None:
    vote(database, face_id, VoteChoice.SAD, "ana")
    vote(database, face_id, VoteChoice.HAPPY, "ben")


def find(database: Database, limit: int = 20) -> list[Disagreement]:
    with database.read() as session:
        found = list_disagreements(session, limit=limit)
        assert len(found) == min(count_disagreements(session), limit)
        return found


def test_a_deciding_vote_settles_what_reviewers_disagree_on(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    disagree(database, face_id)
    [found] = find(database)
    assert (found.face.id, [each.choice for each in found.votes]) == (face_id, [VoteChoice.SAD, VoteChoice.HAPPY])
    vote(database, face_id, VoteChoice.NEUTRAL, "cid", is_from_queue=False, is_deciding=True)
    assert find(database) == []
    with database.read() as session:
        assert session.scalars(select(ReviewSubject.label)).one() is VoteChoice.NEUTRAL


def test_the_newest_come_first_and_no_more_than_asked(database: Database, analyses: Analyses) -> None:
    faces = analyses.store(HAPPY, HAPPY, HAPPY).face_ids
    for face_id in faces:
        disagree(database, face_id)
    assert [found.face.id for found in find(database, limit=2)] == faces[:0:-1]


def test_neither_a_label_nor_a_vote_that_nobody_answers_is_a_disagreement(
    database: Database, analyses: Analyses
) -> None:
    agreed, alone, skipped = analyses.store(HAPPY, HAPPY, HAPPY).face_ids
    for reviewer in ("ana", "ben"):
        vote(database, agreed, VoteChoice.SAD, reviewer)
    vote(database, alone, VoteChoice.SAD, "ana")
    for reviewer in ("ana", "ben"):
        vote(database, skipped, VoteChoice.SKIP, reviewer)
    assert find(database) == []


def test_the_votes_are_those_that_stand_and_skips_too(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, VoteChoice.ANGRY, "ana")
    disagree(database, face_id)
    vote(database, face_id, VoteChoice.SKIP, "cid")
    [found] = find(database)
    assert [(each.reviewer, each.choice) for each in found.votes] == [
        ("ana", VoteChoice.SAD),
        ("ben", VoteChoice.HAPPY),
        ("cid", VoteChoice.SKIP),
    ]


def test_the_face_is_that_of_the_latest_analysis_that_is_there(database: Database, analyses: Analyses) -> None:
    """Also where the analysis on which the last vote was cast is erased: what is counted can be decided."""
    first, voted, latest = (analyses.store(HAPPY, photo="a" * 64) for _ in range(3))
    disagree(database, voted.face_ids[0])
    assert [found.face.id for found in find(database)] == latest.face_ids
    for stored, left in ((latest, voted), (voted, first)):
        with database.write() as session:
            assert erase_job(session, stored.job_id)
        assert [found.face.id for found in find(database)] == left.face_ids
    with database.write() as session:
        assert erase_job(session, first.job_id)
    assert find(database) == []
