from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from db.core.actors import Actor
from db.core.rows import relate
from db.core.session import Database
from db.core.vocabulary import Emotion, JobStatus
from db.faces.actions import NewFace
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import Outcome
from db.jobs.queries import get_job, list_events
from db.jobs.states import InvalidTransition
from db.jobs.tables import Job
from tests.support.factories.faces import make_new_face
from tests.support.factories.jobs import LEASE_S, add_job, claim
from tests.support.factories.model_versions import find_or_add_version


def read(database: Database, job_id: UUID) -> Job:
    with database.read() as session:
        job = get_job(session, job_id)
        assert job is not None
        return relate(job, events=list(list_events(session, job_id)))


def make_face(session: Session, probabilities: tuple[float, ...]) -> NewFace:
    return make_new_face(find_or_add_version(session, "d").id, probabilities)


def test_a_job_goes_from_queued_through_running_to_succeeded(database: Database) -> None:
    job_id = add_job(database)
    held = claim(database, job_id)
    with database.write() as session:
        face = make_face(session, (0.1, 0.0, 0.0, 0.6, 0.3, 0.0, 0.0))
        jobs.finish_job(session, held, Outcome(20, 30, (face,), {"decode": 1.5}))
    job = read(database, job_id)
    assert (job.status, job.attempt, job.face_count, job.width, job.height) == (JobStatus.SUCCEEDED, 1, 1, 20, 30)
    assert job.purge_photo_at is not None
    assert job.finished_at is not None
    assert job.purge_photo_at > job.finished_at
    assert [event.to_status for event in job.events] == [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED]
    assert job.revision == 2
    (stored,) = job.faces
    assert (stored.emotion, stored.confidence, round(stored.margin, 6)) == (Emotion.HAPPY, 0.6, 0.3)


def test_claim_rejects_a_finished_job(database: Database) -> None:
    job_id = add_job(database)
    held = claim(database, job_id)
    with database.write() as session:
        jobs.finish_job(session, held, Outcome(1, 1, ()))
    with pytest.raises(InvalidTransition):
        claim(database, job_id)


def test_claim_rejects_a_job_past_its_deadline(database: Database) -> None:
    job_id = add_job(database, deadline_s=0)
    with pytest.raises(InvalidTransition):
        claim(database, job_id)


def test_no_face_found_is_a_success_with_none(database: Database) -> None:
    job_id = add_job(database)
    held = claim(database, job_id)
    with database.write() as session:
        jobs.finish_job(session, held, Outcome(1, 1, ()))
    assert (read(database, job_id).status, read(database, job_id).faces) == (JobStatus.SUCCEEDED, [])


def test_a_worker_that_lost_its_lease_writes_nothing(database: Database) -> None:
    job_id = add_job(database)
    late = claim(database, job_id, "late", lease_s=-1)
    with database.write() as session:
        jobs.take_back_job(session, late, Actor.system("sweeper"))
    second = claim(database, job_id, "second")
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.finish_job(session, late, Outcome(1, 1, (make_face(session, (1.0, 0, 0, 0, 0, 0, 0)),)))
    assert read(database, job_id).faces == []
    with database.write() as session:
        assert not jobs.renew_lease(session, late, LEASE_S)
        assert jobs.renew_lease(session, second, LEASE_S)
        jobs.finish_job(session, second, Outcome(1, 1, ()))
    assert read(database, job_id).attempt == 2


def test_a_lease_that_was_renewed_is_not_taken_back(database: Database) -> None:
    job_id = add_job(database)
    held = claim(database, job_id, lease_s=-1)
    with database.write() as session:
        jobs.renew_lease(session, held, LEASE_S)
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.take_back_job(session, held, Actor.system("sweeper"))


def test_a_job_that_kills_workers_fails_after_its_last_attempt(database: Database) -> None:
    job_id = add_job(database, max_attempts=2)
    for _ in range(2):
        held = claim(database, job_id, lease_s=-1)
        with database.write() as session:
            jobs.take_back_job(session, held, Actor.system("sweeper"))
    job = read(database, job_id)
    assert (job.status, job.error_code, job.attempt) == (JobStatus.FAILED, "worker_lost", 2)


def test_an_outage_costs_a_job_none_of_its_attempts(database: Database) -> None:
    job_id = add_job(database, max_attempts=2)
    for _ in range(5):
        held = claim(database, job_id)
        with database.write() as session:
            jobs.give_back_job(
                session, held, Actor.worker("w"), "the store is away", "blob_store_unavailable", is_outage=True
            )
    assert read(database, job_id).status is JobStatus.QUEUED
    for _ in range(2):  # what it had is still there for what is the job's own fault
        assert read(database, job_id).status is JobStatus.QUEUED
        held = claim(database, job_id)
        with database.write() as session:
            jobs.give_back_job(session, held, Actor.worker("w"), "it crashed", "internal_error")
    job = read(database, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "internal_error")


def test_an_outage_that_does_not_end_fails_the_job(database: Database) -> None:
    job_id = add_job(database, max_attempts=1)
    for _ in range(jobs.OUTAGE_ATTEMPTS):
        assert read(database, job_id).status is JobStatus.QUEUED
        held = claim(database, job_id)
        with database.write() as session:
            jobs.give_back_job(
                session, held, Actor.worker("w"), "the store is away", "blob_store_unavailable", is_outage=True
            )
    job = read(database, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "blob_store_unavailable")


def test_only_a_job_past_its_deadline_is_canceled_as_overdue(database: Database) -> None:
    early = add_job(database, deadline_s=3600)
    late = add_job(database, deadline_s=0)
    with database.write() as session:
        jobs.cancel_overdue_job(session, late, Actor.system("sweeper"))
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.cancel_overdue_job(session, early, Actor.system("sweeper"))
    assert read(database, late).error_code == "deadline_passed"
