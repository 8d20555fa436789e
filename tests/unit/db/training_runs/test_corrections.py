from sqlalchemy import update

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.jobs.erasure import erase_job
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs.corrections import (
    RunCorrection,
    count_corrections,
    list_corrections,
    list_used,
    record_corrections,
)
from tests.support.factories.analyses import Analyses
from tests.support.factories.training_runs import read, start


def test_corrections_are_faces_whose_label_is_an_emotion(database: Database, analyses: Analyses) -> None:
    faces = analyses.store(*[(Emotion.HAPPY, 0.6)] * 4, crop=b"\x01" * 2304, box=(0, 0, 60, 80)).face_ids
    with database.write() as session:
        for face_id, choice in zip(
            faces, (VoteChoice.SAD, VoteChoice.NOT_A_FACE, VoteChoice.AMBIGUOUS, VoteChoice.SKIP), strict=True
        ):
            cast_vote(session, face_id, "ana", choice)
    with database.read() as session:
        (found,) = list_corrections(session, limit=10)
    assert (found.emotion, found.crop, found.face_px, found.vote_count) == (Emotion.SAD, b"\x01" * 2304, 60, 1)


def test_the_latest_labels_are_offered_first(database: Database, analyses: Analyses) -> None:
    faces = analyses.store(*[(Emotion.HAPPY, 0.6)] * 3).face_ids
    for face_id, choice in zip(faces, (VoteChoice.SAD, VoteChoice.ANGRY, VoteChoice.HAPPY), strict=True):
        with database.write() as session:
            cast_vote(session, face_id, "ana", choice)
    with database.write() as session:
        found = list_corrections(session, limit=2)
        assert [each.emotion for each in found] == [Emotion.HAPPY, Emotion.ANGRY]
        assert [each.emotion for each in list_corrections(session, limit=2, after=found[-1])] == [Emotion.SAD]
        session.execute(update(ReviewSubject).values(labeled_at=utcnow()))
        first, second, third = list_corrections(session, limit=3)
        assert list_corrections(session, limit=3, after=first) == [second, third]


def test_faces_of_the_random_slice_teach_nothing(database: Database, analyses: Analyses) -> None:
    drawn, other = analyses.store(*[(Emotion.HAPPY, 0.6)] * 2).face_ids
    with database.write() as session:
        session.get_one(ReviewItem, drawn).slice = ReviewSlice.RANDOM
        cast_vote(session, drawn, "ana", VoteChoice.SAD)
        cast_vote(session, other, "ana", VoteChoice.ANGRY)
    with database.read() as session:
        assert [found.emotion for found in list_corrections(session, limit=9)] == [Emotion.ANGRY]


def test_a_runs_corrections_keep_the_label_they_had_and_go_with_their_photo(
    database: Database, analyses: Analyses
) -> None:
    stored = analyses.store((Emotion.HAPPY, 0.6), (Emotion.HAPPY, 0.7))
    other = analyses.store((Emotion.HAPPY, 0.6))
    run_id = start(database)
    with database.write() as session:
        for face_id in (*stored.face_ids, *other.face_ids):
            cast_vote(session, face_id, "ana", VoteChoice.SAD)
        considered = list_corrections(session, limit=10)
        refusals = iter(("too_small", None, None))
        run_corrections = [RunCorrection(found.subject_id, found.emotion, next(refusals)) for found in considered]
        record_corrections(session, run_id, run_corrections)
        record_corrections(session, run_id, run_corrections)
    with database.write() as session:
        cast_vote(session, other.face_ids[0], "ana", VoteChoice.ANGRY)
    with database.read() as session:
        assert count_corrections(session, run_id) == {"used": 2, "too_small": 1}
        assert [found.emotion for found in list_used(session, run_id)] == [Emotion.SAD] * 2
    for job_id in (stored.job_id, other.job_id):
        with database.write() as session:
            erase_job(session, job_id)
    with database.read() as session:
        assert (count_corrections(session, run_id), list_used(session, run_id)) == ({}, [])
    assert read(database, run_id).created_at < utcnow()
