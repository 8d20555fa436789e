from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from db.accounts import api_keys
from db.core.rows import relate
from db.core.session import Database
from db.core.vocabulary import Detector, Emotion, JobStatus
from db.faces.actions import NewFace
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import Claim, NewJob, Outcome
from db.jobs.queries import get_job, list_events
from db.jobs.states import InvalidTransition
from db.jobs.sweeping import expire_lease, list_expired_claims
from db.jobs.tables import Job
from db.model_versions import actions as model_versions
from db.webhooks.actions import claim_callback, list_due, record_delivered

LEASE_S = 30


def add_job(database: Database, **options: object) -> UUID:
    with database.write() as session:
        application = api_keys.ensure_application(session, "test")
        values: dict[str, object] = {
            "id": uuid4(),
            "application_id": application.id,
            "photo_key": "photos/x",
            "photo_sha256": "0" * 64,
            "photo_bytes": 1,
            "media_type": "image/png",
            "width": 10,
            "height": 10,
            "photo_retention_s": 60,
            "max_attempts": 3,
        } | options
        return jobs.create_job(session, NewJob(**values), "test").id  # type: ignore[arg-type]


def claim(database: Database, job_id: UUID, worker: str = "w1", lease_s: float = LEASE_S) -> Claim:
    with database.write() as session:
        return jobs.claim_job(session, job_id, worker, lease_s)[1]


def read(database: Database, job_id: UUID) -> Job:
    with database.read() as session:
        job = get_job(session, job_id)
        assert job is not None
        return relate(job, events=list(list_events(session, job_id)))


def make_face(session: Session, probabilities: tuple[float, ...]) -> NewFace:
    version = model_versions.find_version_by_digest(session, "d") or model_versions.add_version(
        session, "test", "d", {"schema_version": 2, "architecture": "report"}
    )
    return NewFace(
        x=1, y=2, width=3, height=4, detector=Detector.HOG, detection_score=0.9, probabilities=probabilities,
        model_version_id=version.id, crop=bytes(2304),
    )  # fmt: skip


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


def test_two_workers_cannot_both_claim_a_job(database: Database) -> None:
    job_id = add_job(database)
    claim(database, job_id)
    with pytest.raises(InvalidTransition):
        claim(database, job_id, "w2")


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
        jobs.take_back_job(session, late, "sweeper")
    second = claim(database, job_id, "second")
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.finish_job(session, late, Outcome(1, 1, (make_face(session, (1.0, 0, 0, 0, 0, 0, 0)),)))
    assert read(database, job_id).faces == []
    with database.write() as session:
        assert not jobs.renew_lease(session, late, LEASE_S)
        assert jobs.renew_lease(session, second, LEASE_S)
        jobs.finish_job(session, second, Outcome(1, 1, ()))
    assert read(database, job_id).attempt == 2


def test_only_a_dead_workers_lease_is_let_run_out(database: Database) -> None:
    job_id = add_job(database)
    with database.write() as session:
        assert not expire_lease(session, job_id, lambda _: True)
    held = claim(database, job_id, "w2")
    with database.write() as session:
        assert not expire_lease(session, job_id, lambda worker: worker == "w1")
        assert list_expired_claims(session, 10) == []
        assert expire_lease(session, job_id, lambda worker: worker == "w2")
        assert list_expired_claims(session, 10) == [held]


def test_a_lease_that_was_renewed_is_not_taken_back(database: Database) -> None:
    job_id = add_job(database)
    held = claim(database, job_id, lease_s=-1)
    with database.write() as session:
        jobs.renew_lease(session, held, LEASE_S)
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.take_back_job(session, held, "sweeper")


def test_a_job_that_kills_workers_fails_after_its_last_attempt(database: Database) -> None:
    job_id = add_job(database, max_attempts=2)
    for _ in range(2):
        held = claim(database, job_id, lease_s=-1)
        with database.write() as session:
            jobs.take_back_job(session, held, "sweeper")
    job = read(database, job_id)
    assert (job.status, job.error_code, job.attempt) == (JobStatus.FAILED, "worker_lost", 2)


def test_an_outage_costs_a_job_none_of_its_attempts(database: Database) -> None:
    job_id = add_job(database, max_attempts=2)
    for _ in range(5):
        held = claim(database, job_id)
        with database.write() as session:
            jobs.give_back_job(session, held, "w", "the store is away", "blob_store_unavailable", is_outage=True)
    assert read(database, job_id).status is JobStatus.QUEUED
    for _ in range(2):  # what it had is still there for what is the job's own fault
        assert read(database, job_id).status is JobStatus.QUEUED
        held = claim(database, job_id)
        with database.write() as session:
            jobs.give_back_job(session, held, "w", "it crashed", "internal_error")
    job = read(database, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "internal_error")


def test_an_outage_that_does_not_end_fails_the_job(database: Database) -> None:
    job_id = add_job(database, max_attempts=1)
    for _ in range(jobs.OUTAGE_ATTEMPTS):
        assert read(database, job_id).status is JobStatus.QUEUED
        held = claim(database, job_id)
        with database.write() as session:
            jobs.give_back_job(session, held, "w", "the store is away", "blob_store_unavailable", is_outage=True)
    job = read(database, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "blob_store_unavailable")


def test_a_canceled_job_takes_no_result(database: Database) -> None:
    job_id = add_job(database)
    held = claim(database, job_id)
    with database.write() as session:
        jobs.cancel_job(session, job_id, "someone")
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.finish_job(session, held, Outcome(1, 1, ()))
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.cancel_job(session, job_id, "someone")


def test_only_a_job_past_its_deadline_is_canceled_as_overdue(database: Database) -> None:
    early = add_job(database, deadline_s=3600)
    late = add_job(database, deadline_s=0)
    with database.write() as session:
        jobs.cancel_overdue_job(session, late, "sweeper")
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.cancel_overdue_job(session, early, "sweeper")
    assert read(database, late).error_code == "deadline_passed"


def test_a_callback_is_owed_once_a_job_with_an_address_ends(database: Database) -> None:
    job_id = add_job(database, callback_url="https://example.org/hook")
    add_job(database)
    with database.write() as session:
        assert list_due(session, 10) == []
        jobs.cancel_job(session, job_id, "someone")
    with database.write() as session:
        assert list_due(session, 10) == [job_id]
        assert claim_callback(session, job_id, 30) is not None
        assert claim_callback(session, job_id, 30) is None
        record_delivered(session, job_id, "204")
        assert list_due(session, 10) == []
