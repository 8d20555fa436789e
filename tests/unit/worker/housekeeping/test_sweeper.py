from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from uuid_utils.compat import uuid7

from db.core import queues
from db.core.blobs import BlobStore, BlobStoreUnavailable, make_photo_key
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs import lifecycle as jobs
from db.jobs.batches import create_batch
from db.jobs.queries import get_job
from db.jobs.tables import Batch, Job
from emoscope.settings import Settings
from tests.support.factories.accounts import add_application
from tests.support.factories.actors import TEST
from tests.support.factories.jobs import add_job as add_job_alone
from worker.core import messages
from worker.core.app import make_celery
from worker.core.services import Services
from worker.housekeeping import sweeper


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    settings = settings.model_copy(update={"resend_after_s": 0})
    celery = make_celery(settings)
    monkeypatch.setattr(messages, "app", celery)
    services = Services(settings)
    yield services
    celery.close()
    services.redis.close()
    services.database.close()


def add_job(services: Services, application: str = "test", **options: object) -> UUID:
    """A job with its photo in the store."""
    told: dict[str, Any] = {"photo_bytes": 5, "photo_retention_s": 3600}
    job_id = add_job_alone(services.database, application, **told | options)
    services.blobs.put(make_photo_key(job_id), b"photo")
    return job_id


def read(services: Services, job_id: UUID) -> Job:
    with services.database.read() as session:
        job = get_job(session, job_id)
        assert job is not None
        return job


def test_a_job_whose_worker_went_silent_is_queued_and_sent_again(services: Services) -> None:
    job_id = add_job(services)
    with services.database.write() as session:
        jobs.claim_job(session, job_id, "silent", lease_s=-1)
    sweeper.take_back_expired(services)
    assert read(services, job_id).status is JobStatus.QUEUED
    assert messages.list_sent(services.redis) == {str(job_id)}


def test_a_job_in_good_hands_is_left_alone(services: Services) -> None:
    job_id = add_job(services)
    with services.database.write() as session:
        jobs.claim_job(session, job_id, "busy", lease_s=30)
    sweeper.sweep(services)
    assert read(services, job_id).status is JobStatus.RUNNING
    assert messages.list_sent(services.redis) == set()


def test_a_job_that_was_started_before_its_deadline_is_tried_again_after_it(services: Services) -> None:
    job_id = add_job(services, deadline_s=3600)
    with services.database.write() as session:
        jobs.claim_job(session, job_id, "silent", lease_s=-1)
        session.execute(update(Job).where(Job.id == job_id).values(deadline_at=utcnow() - timedelta(seconds=1)))
    sweeper.sweep(services)
    assert read(services, job_id).status is JobStatus.QUEUED
    with services.database.write() as session:
        assert jobs.claim_job(session, job_id, "next", lease_s=30)[1].attempt == 2


def test_an_overdue_job_is_canceled_and_told(services: Services) -> None:
    job_id = add_job(services, deadline_s=-1)
    with services.redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(queues.JOB_CHANGED_CHANNEL)
        listener.get_message(timeout=1)
        sweeper.cancel_overdue(services)
        message = listener.get_message(timeout=5)
    assert read(services, job_id).status is JobStatus.CANCELED
    assert message is not None
    assert message["data"] == str(job_id).encode()


def test_a_photo_is_deleted_when_its_time_is_over_and_not_before(services: Services) -> None:
    kept, over = add_job(services), add_job(services, photo_retention_s=0)
    for job_id in (kept, over):
        with services.database.write() as session:
            jobs.cancel_job(session, job_id, TEST)
    sweeper.purge_photos(services)
    assert (services.blobs.has(f"photos/{kept}"), services.blobs.has(f"photos/{over}")) == (True, False)
    assert (read(services, kept).photo_key, read(services, over).photo_key) == (f"photos/{kept}", None)


def test_a_photo_that_can_not_be_deleted_is_not_called_deleted(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_away(_store: BlobStore, _keys: object) -> None:
        raise BlobStoreUnavailable("away")

    job_id = add_job(services, photo_retention_s=0)
    with services.database.write() as session:
        jobs.cancel_job(session, job_id, TEST)
    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "delete_many", be_away)
        sweeper.purge_photos(services)
    assert read(services, job_id).photo_key == f"photos/{job_id}"
    sweeper.purge_photos(services)
    assert (services.blobs.has(f"photos/{job_id}"), read(services, job_id).photo_key) == (False, None)


def test_a_callback_that_is_due_is_sent(services: Services) -> None:
    job_id = add_job(services, callback_url="https://example.org/")
    with services.database.write() as session:
        jobs.cancel_job(session, job_id, TEST)
    for _ in range(2):  # one that waits in the queue isn't sent again
        sweeper.send_due_deliveries(services)
    assert services.redis.llen(queues.CALLBACK_QUEUE) == 1
    assert services.redis.llen(queues.HOUSEKEEPING_QUEUE) == 0


def test_a_queue_that_is_away_keeps_nothing_else_from_being_swept(services: Services, settings: Settings) -> None:
    overdue = add_job(services, deadline_s=-1)
    waiting = add_job(services)
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0", "resend_after_s": 0})
    without_queue = Services(away)
    sweeper.sweep(without_queue)
    without_queue.database.close()
    assert read(services, overdue).status is JobStatus.CANCELED
    assert read(services, waiting).status is JobStatus.QUEUED


def test_a_due_delivery_waits_while_the_queue_is_away(services: Services, settings: Settings) -> None:
    job_id = add_job(services, callback_url="https://example.org/")
    with services.database.write() as session:
        jobs.cancel_job(session, job_id, TEST)
    without_queue = Services(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    sweeper.send_due_deliveries(without_queue)
    without_queue.database.close()
    assert services.redis.llen(queues.CALLBACK_QUEUE) == 0
    sweeper.send_due_deliveries(services)
    assert services.redis.llen(queues.CALLBACK_QUEUE) == 1


def test_the_rest_of_a_canceled_batch_is_canceled_and_no_other_batch(services: Services) -> None:
    batch_ids, job_ids = [uuid7(), uuid7()], []
    for batch_id in batch_ids:
        application_id = add_application(services.database, str(batch_id))
        with services.database.write() as session:
            create_batch(session, batch_id, application_id, is_open=False)
        job_ids.append(add_job(services, str(batch_id), batch_id=batch_id, batch_position=0))
    with services.database.write() as session:
        session.execute(update(Batch).where(Batch.id == batch_ids[0]).values(canceled_at=utcnow()))
    sweeper.look_after_batches(services)
    assert [read(services, job_id).status for job_id in job_ids] == [JobStatus.CANCELED, JobStatus.QUEUED]


def test_a_photo_that_belongs_to_no_job_is_deleted_once_it_is_old(services: Services) -> None:
    owned, unowned = add_job(services), uuid4()
    services.blobs.put(f"photos/{unowned}", b"photo")
    sweeper.delete_unowned_photos(services)
    assert services.blobs.has(f"photos/{unowned}")
    sweeper.delete_unowned_photos(services, -1)
    assert (services.blobs.has(f"photos/{owned}"), services.blobs.has(f"photos/{unowned}")) == (True, False)


def test_what_is_no_photo_of_ours_is_left_and_keeps_nothing_from_being_deleted(
    services: Services, settings: Settings
) -> None:
    unowned, stray = uuid4(), "photos/.DS_Store"
    services.blobs.put(f"photos/{unowned}", b"photo")
    services.blobs.put(stray, b"a file of somebody's")
    sweeper.delete_unowned_photos(services, -1)
    assert (services.blobs.has(f"photos/{unowned}"), services.blobs.has(stray)) == (False, True)


def test_half_a_photo_that_a_killed_process_left_is_deleted_once_it_is_old(
    services: Services, settings: Settings
) -> None:
    owned = add_job(services)
    half = Path(settings.effective_blob_url) / "photos" / f"{uuid4()}#1"
    half.write_bytes(b"half a ph")
    sweeper.delete_unowned_photos(services)
    assert half.exists()
    sweeper.delete_unowned_photos(services, -1)
    assert (half.exists(), services.blobs.has(f"photos/{owned}")) == (False, True)


def test_old_jobs_are_erased_where_the_settings_give_them_a_time(services: Services) -> None:
    job_id = add_job(services, id=UUID(int=1), photo_key="photos/old")
    with services.database.write() as session:
        jobs.cancel_job(session, job_id, TEST)
    sweeper.sweep(services)
    assert read(services, job_id).status is JobStatus.CANCELED
    services.settings = services.settings.model_copy(update={"job_retention_s": 3600})
    sweeper.sweep(services)
    with services.database.read() as session:
        assert get_job(session, job_id) is None
