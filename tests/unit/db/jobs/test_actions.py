"""Cancel, retry, erase: rules and audit entries."""

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from db.accounts.audit_log import list_audit_events
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Detector, JobStatus, Priority
from db.jobs.actions import PhotoGone, cancel_job, erase_job, is_photo_kept, retry_job
from db.jobs.queries import get_job
from db.jobs.services import JobServices
from db.jobs.states import InvalidTransition
from db.jobs.tables import Job
from tests.support.factories.jobs import add_job
from tests.support.job_services import Outbox, make_job_services

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SHOP, ANA = Actor.application("test"), Actor.user("ana")
DATA = b"photo"


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def services(database: Database, tmp_path: Path, outbox: Outbox) -> JobServices:
    return make_job_services(database, tmp_path / "blobs", outbox)


def store(services: JobServices, **options: object) -> Job:

    services.blobs.put("photos/x", DATA)
    told: dict[str, Any] = {
        "photo_key": "photos/x",
        "photo_sha256": hashlib.sha256(DATA).hexdigest(),
        "photo_bytes": 5,
    }
    job_id = add_job(services.database, **told | options)
    return read(services, job_id)


def read(services: JobServices, job_id: UUID) -> Job:
    with services.database.read() as session:
        job = get_job(session, job_id)
        assert job is not None
        return job


def list_actions(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(event.actor, event.action) for event in list_audit_events(session)]


def test_an_ended_job_is_not_canceled_again(services: JobServices, outbox: Outbox, database: Database) -> None:
    job = store(services)
    cancel_job(services, job, actor=ANA, is_owner=False)
    assert (read(services, job.id).status, outbox.announced) == (JobStatus.CANCELED, [job.id])
    with pytest.raises(InvalidTransition):
        cancel_job(services, job, actor=ANA, is_owner=False)
    assert list_actions(database) == [("ana", "job.cancel")]


def test_what_an_application_does_to_its_own_job_is_its_daily_work(services: JobServices, database: Database) -> None:
    cancel_job(services, store(services), actor=SHOP, is_owner=True)
    retry_job(services, store(services), actor=SHOP, is_owner=True)
    assert list_actions(database) == []
    cancel_job(services, store(services), actor=Actor.application("rival"), is_owner=False)
    erase_job(services, store(services), actor=SHOP)
    assert list_actions(database) == [("application:test", "job.erase"), ("application:rival", "job.cancel")]


def test_a_retry_takes_over_the_photo_and_the_options_but_no_deadline(services: JobServices, outbox: Outbox) -> None:
    job = store(services, detector=Detector.BLAZEFACE, priority=Priority.BULK, min_face_px=30, deadline_s=60)
    again = read(services, retry_job(services, job, actor=ANA, is_owner=False))
    assert (again.detector, again.priority, again.min_face_px) == (Detector.BLAZEFACE, Priority.BULK, 30)
    assert (again.deadline_at, again.photo_sha256, outbox.sent) == (None, job.photo_sha256, [again.id])
    assert again.photo_key is not None
    assert services.blobs.get(again.photo_key, job.photo_sha256) == DATA


def test_a_retry_keeps_the_photo_no_longer_than_the_service_does(services: JobServices) -> None:
    kept = [read(services, retry_job(services, store(services, photo_retention_s=seconds), actor=ANA, is_owner=False))
            for seconds in (60, 10**6)]  # fmt: skip
    assert [job.photo_retention_s for job in kept] == [60, services.photo_retention_s]


def test_a_photo_whose_time_is_over_or_that_is_missing_is_not_tried_again(
    services: JobServices, database: Database
) -> None:
    job = store(services)
    services.blobs.delete("photos/x")
    with pytest.raises(PhotoGone):
        retry_job(services, job, actor=ANA, is_owner=False)
    job = store(services)
    with database.write() as session:
        session.execute(update(Job).where(Job.id == job.id).values(purge_photo_at=utcnow()))
    job = read(services, job.id)
    assert not is_photo_kept(job)
    with pytest.raises(PhotoGone):
        retry_job(services, job, actor=ANA, is_owner=False)


def test_erasing_takes_photo_and_row_and_can_be_repeated(services: JobServices, database: Database) -> None:
    job = store(services)
    for _ in range(2):
        erase_job(services, job, actor=ANA)
        assert not services.blobs.has("photos/x")
        with database.read() as session:
            assert get_job(session, job.id) is None
    assert list_actions(database) == [("ana", "job.erase")]
