from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, JobStatus, ReviewSlice, TrainingTrigger, VoteChoice
from db.faces.hourly_counts import floor_hour, list_hours
from db.jobs import lifecycle as jobs
from db.model_versions import actions as model_versions
from db.model_versions.comparison import compare_answers, compute_two_sided_mcnemar_p
from db.monitoring.dashboard import count_failures, count_jobs_by_minute
from db.reviews import actions as reviews
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs import lifecycle as training_runs
from db.training_runs.corrections import RunCorrection, record_corrections
from tests.support.factories.actors import ANA
from tests.support.factories.faces import make_new_face, share_evenly
from tests.support.factories.jobs import create_job
from tests.support.factories.model_versions import find_or_add_version


@pytest.fixture
def analyze(database: Database) -> Callable[..., UUID]:
    """Stores what a version said of a photo's one face, and gives the face's id."""
    with database.write() as session:
        for number in (1, 2):
            find_or_add_version(session, f"v{number}")

    def run(photo: int, version: int, emotion: Emotion) -> UUID:
        with database.write() as session:
            job = create_job(session, photo_sha256=f"{photo:064x}")
            _, claim = jobs.claim_job(session, job.id, "w", lease_s=30)
            version_id = model_versions.get_version(session, version).id
            face = make_new_face(version_id, share_evenly(emotion, 0.7), height=30)
            job = jobs.finish_job(session, claim, jobs.Outcome(64, 64, (face,)))
            return job.faces[0].id

    return run


def judge(
    database: Database,
    face_id: UUID,
    choice: VoteChoice,
    *,
    slice_: ReviewSlice = ReviewSlice.RANDOM,
    is_in_turn: bool = True,
) -> None:
    with database.write() as session:
        item = session.get_one(ReviewItem, face_id)
        item.slice, item.reserved_by = slice_, "ben" if is_in_turn else None
        reviews.cast_vote(session, face_id, "ben", choice)


def test_versions_are_compared_on_judged_faces_that_both_analysed(
    database: Database, analyze: Callable[..., UUID]
) -> None:
    judge(database, analyze(1, 1, Emotion.SAD), VoteChoice.SAD)
    judge(database, analyze(2, 1, Emotion.SAD), VoteChoice.HAPPY)
    judge(database, analyze(3, 1, Emotion.ANGRY), VoteChoice.ANGRY)
    judge(database, analyze(4, 1, Emotion.SAD), VoteChoice.SAD)
    analyze(5, 1, Emotion.SAD)
    for photo, emotion in ((1, Emotion.SAD), (2, Emotion.HAPPY), (3, Emotion.NEUTRAL), (5, Emotion.HAPPY)):
        analyze(photo, 2, emotion)
    with database.read() as session:
        found = compare_answers(session, 1, 2, limit=10)
    assert (found.shared, found.same, found.first_right, found.second_right) == (3, 1, 1, 1)
    assert {(each.first, each.second, each.label) for each in found.differences} == {
        (Emotion.SAD, Emotion.HAPPY, VoteChoice.HAPPY),
        (Emotion.ANGRY, Emotion.NEUTRAL, VoteChoice.ANGRY),
    }


def test_only_faces_drawn_by_chance_in_their_turn_tell_who_is_right(
    database: Database, analyze: Callable[..., UUID]
) -> None:
    judge(database, analyze(1, 1, Emotion.SAD), VoteChoice.HAPPY, slice_=ReviewSlice.UNCERTAIN)
    judge(database, analyze(2, 1, Emotion.SAD), VoteChoice.HAPPY, is_in_turn=False)
    judge(database, analyze(3, 1, Emotion.SAD), VoteChoice.SAD)
    for photo in (1, 2, 3):
        analyze(photo, 2, Emotion.HAPPY)
    with database.read() as session:
        found = compare_answers(session, 1, 2, limit=10)
    assert (found.shared, found.same, found.first_right, found.second_right) == (3, 0, 1, 0)
    assert [each.label for each in found.differences] == [VoteChoice.SAD, VoteChoice.HAPPY, VoteChoice.HAPPY]


def test_the_test_on_who_was_right_is_exact_and_two_sided() -> None:
    # McNemar 1947 as an exact binomial test: 1 of 6 is 2 * (1 + 6) / 64, and 10 of 30 is SciPy's binomtest(10, 30).pvalue
    assert (compute_two_sided_mcnemar_p(1, 5), compute_two_sided_mcnemar_p(5, 1)) == (0.21875, 0.21875)
    assert compute_two_sided_mcnemar_p(10, 20) == pytest.approx(0.0987371)
    assert (compute_two_sided_mcnemar_p(3, 3), compute_two_sided_mcnemar_p(0, 0)) == (1.0, None)
    assert compute_two_sided_mcnemar_p(4000, 6000) == pytest.approx(0.0, abs=1e-9)


def test_a_photo_analysed_again_and_again_counts_once(database: Database, analyze: Callable[..., UUID]) -> None:
    judge(database, analyze(1, 1, Emotion.SAD), VoteChoice.SAD)
    analyze(1, 1, Emotion.ANGRY)
    for emotion in (Emotion.ANGRY, Emotion.ANGRY, Emotion.HAPPY):
        analyze(1, 2, emotion)
    with database.read() as session:
        found = compare_answers(session, 1, 2, limit=10)
    assert (found.shared, found.same) == (1, 0)
    assert [(each.first, each.second) for each in found.differences] == [(Emotion.ANGRY, Emotion.HAPPY)]


def test_a_label_that_taught_does_not_tell_who_is_right(database: Database, analyze: Callable[..., UUID]) -> None:
    for photo in (1, 2):
        judge(database, analyze(photo, 1, Emotion.SAD), VoteChoice.HAPPY)
        analyze(photo, 2, Emotion.HAPPY)
    with database.write() as session:
        trained_on, refused = session.scalars(select(ReviewSubject.id).order_by(ReviewSubject.id))
        run = training_runs.create_run(session, TrainingTrigger.COMMAND, ANA)
        run_corrections = [
            RunCorrection(trained_on, Emotion.HAPPY, None),
            RunCorrection(refused, Emotion.HAPPY, "blurred"),
        ]
        record_corrections(session, run.id, run_corrections)
    with database.read() as session:
        found = compare_answers(session, 1, 2, limit=10)
    assert (found.shared, found.same, found.second_right, len(found.differences)) == (2, 0, 1, 2)


def test_the_dashboard_counts_by_time_end_and_emotion(database: Database, analyze: Callable[..., UUID]) -> None:
    before = utcnow().replace(microsecond=0)
    for number in range(3):
        analyze(number, 1, Emotion.HAPPY if number else Emotion.SAD)
    with database.write() as session:
        _, claim = jobs.claim_job(session, create_job(session).id, "w", lease_s=30)
        jobs.fail_job(session, claim, "broken_picture", "it ends in the middle")
    with database.read() as session:
        minutes = count_jobs_by_minute(session, before)
        emotions = [counted for _, counted in list_hours(session, floor_hour(before))]
        [failure] = count_failures(session, before)
    assert all(each.minute.second == 0 and each.minute <= utcnow() for each in minutes)
    ends = {status: sum(each.count for each in minutes if each.status is status) for status in JobStatus}
    assert (ends[JobStatus.SUCCEEDED], ends[JobStatus.FAILED]) == (3, 1)
    assert {each.emotion: each.faces for each in emotions} == {Emotion.HAPPY: 2, Emotion.SAD: 1}
    assert all(each.confidence_sum == pytest.approx(0.7 * each.faces) for each in emotions)
    assert (failure.code, failure.count) == ("broken_picture", 1)
    assert failure.latest_at >= before
