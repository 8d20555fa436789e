"""An erased job is removed from every table, and nothing else is."""

from uuid import uuid4

from sqlalchemy import func, select

from db.core.session import Database
from db.core.vocabulary import Emotion, VoteChoice
from db.faces.tables import Face
from db.jobs.erasure import erase_job, erase_jobs
from db.jobs.tables import Job, JobEvent
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote
from tests.support.factories.analyses import Analyses

TABLES = (Job, JobEvent, Face, ReviewItem, ReviewSubject, ReviewVote)


def count_rows(database: Database) -> list[int]:
    with database.read() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


def test_a_job_is_erased_once_with_its_faces_votes_and_events(database: Database, analyses: Analyses) -> None:
    before = count_rows(database)
    stored = analyses.store((Emotion.HAPPY, 0.9), (Emotion.SAD, 0.8))
    with database.write() as session:
        cast_vote(session, stored.face_ids[0], "ana", VoteChoice.SAD)
    with database.write() as session:
        assert erase_job(session, stored.job_id)
        assert not erase_job(session, stored.job_id)
    assert count_rows(database) == before


def test_a_face_that_another_job_shows_keeps_its_votes(database: Database, analyses: Analyses) -> None:
    first, second = (analyses.store((Emotion.HAPPY, 0.9), photo="a" * 64) for _ in range(2))
    with database.write() as session:
        cast_vote(session, first.face_ids[0], "ana", VoteChoice.SAD)
    with database.write() as session:
        assert erase_jobs(session, [first.job_id, uuid4()]) == 1
    with database.read() as session:
        assert session.scalars(select(ReviewVote.choice)).all() == [VoteChoice.SAD]
        assert session.scalars(select(Face.job_id)).all() == [second.job_id]


def test_nothing_to_erase_is_no_error(database: Database) -> None:
    with database.write() as session:
        assert erase_jobs(session, []) == 0
