"""Closing, canceling, retrying and erasing batches: in steps, beside workers, and within the call's time."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from uuid_utils.compat import uuid7

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.actors import Actor
from db.core.blobs import BlobStore, BlobStoreUnavailable, make_photo_key
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs import batch_actions as actions
from db.jobs import lifecycle
from db.jobs.batch_actions import Retried
from db.jobs.batches import count_batch, find_batch
from db.jobs.lifecycle import NewJob, Outcome
from db.jobs.room import QueueRoom
from db.jobs.services import JobServices
from db.jobs.submission import NewBatch, QueueFull, submit_batch
from db.jobs.tables import Batch, Job, PhotoFetch
from tests.support.factories.accounts import add_application
from tests.support.factories.jobs import make_new_job
from tests.support.job_services import Outbox, make_job_services
from tests.support.waiting import wait_until

SHOP, ANA = Actor.application("shop"), Actor.user("ana")
PHOTO = b"photo"
NO_TIME_S = -1.0
sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
postgresql_alone = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def services(database: Database, tmp_path: Path, outbox: Outbox) -> JobServices:
    return make_job_services(database, tmp_path / "blobs", outbox)


@pytest.fixture(autouse=True)
def two_jobs_a_transaction_and_a_clock_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "_JOBS_A_TRANSACTION", 2)
    monkeypatch.setattr(actions, "monotonic", lambda: 0.0)


def submit(
    services: JobServices, count: int, *, is_open: bool = False, url: str | None = None
) -> tuple[Batch, list[UUID]]:
    """A batch of that many photos, and its jobs. url: where the photos are still to be fetched from."""
    application_id = add_application(services.database, "shop")
    batch, new = NewBatch(uuid7(), application_id, [], is_open=is_open), []
    for position in range(count):
        told: dict[str, Any] = {"photo_key": None, "source_url": url, "photo_sha256": ""} if url else {}
        new.append(make_photo_job(application_id, batch.id, position, **told))
    submit_batch(services, batch, [(each, lambda: PHOTO) for each in new], actor=SHOP)
    return read(services, batch.id), [each.id for each in new]


def make_photo_job(application_id: UUID, batch_id: UUID, position: int, **changed: object) -> NewJob:
    stored: dict[str, Any] = {"photo_sha256": hashlib.sha256(PHOTO).hexdigest(), "photo_bytes": len(PHOTO)}
    placed: dict[str, Any] = {"batch_id": batch_id, "batch_position": position}
    return make_new_job(application_id, id=uuid7(), max_attempts=1, photo_retention_s=3600, **stored | placed | changed)


def read(services: JobServices, batch_id: UUID) -> Batch:
    with services.database.read() as session:
        return session.get_one(Batch, batch_id)


def count(services: JobServices, batch_id: UUID) -> dict[str, int]:
    """The statuses of its jobs, as the batch counts them."""
    with services.database.read() as session:
        progress = count_batch(session, session.get_one(Batch, batch_id))
    return {status.value: number for status in JobStatus if (number := getattr(progress, status.value))}


def fail(services: JobServices, *job_ids: UUID) -> None:
    for job_id in job_ids:
        with services.database.write() as session:
            _, claim = lifecycle.claim_job(session, job_id, "host:1", 60)
            lifecycle.fail_job(session, claim, "time_limit", "it took too long")


def list_photos(services: JobServices) -> set[str]:
    return set(services.blobs.list_sizes("photos"))


def list_logged(services: JobServices, action: str) -> list[tuple[str, str, dict[str, str]]]:
    with services.database.read() as session:
        found = list_audit_events(session, AuditFilter(action=action))
    return [(each.actor, each.subject, each.details) for each in found]


@sqlite_alone
def test_a_closed_batch_is_finished_and_told_once_its_jobs_have_ended(services: JobServices, outbox: Outbox) -> None:
    batch, job_ids = submit(services, 1, is_open=True)
    actions.close_batch(services, batch.id)
    closed = read(services, batch.id)
    assert (closed.closed_at is not None, closed.finished_at, outbox.announced) == (True, None, [])
    fail(services, *job_ids)
    for _ in range(2):
        actions.close_batch(services, batch.id)
    again = read(services, batch.id)
    assert (again.closed_at, again.finished_at is not None) == (closed.closed_at, True)
    assert outbox.announced == [batch.id]


def test_canceling_ends_all_that_has_not_ended_and_wakes_who_waits(services: JobServices, outbox: Outbox) -> None:
    batch, job_ids = submit(services, 6, is_open=True)
    fail(services, job_ids[0])
    with services.database.write() as session:
        lifecycle.claim_job(session, job_ids[1], "host:1", 60)
    actions.cancel_batch(services, batch, actor=SHOP, is_owner=True)
    assert count(services, batch.id) == {"failed": 1, "canceled": 5}
    canceled = read(services, batch.id)
    assert canceled.canceled_at == canceled.closed_at
    assert canceled.finished_at is not None
    assert outbox.announced == [*job_ids[1:], batch.id]


@sqlite_alone
def test_what_others_do_to_a_batch_is_logged_and_an_applications_daily_work_is_not(services: JobServices) -> None:
    for actor, is_owner, is_logged in ((SHOP, True, False), (SHOP, False, True), (ANA, False, True)):
        batch, job_ids = submit(services, 1)
        fail(services, *job_ids)
        assert actions.retry_batch(services, batch, actor=actor, is_owner=is_owner).submitted == 1
        actions.cancel_batch(services, batch, actor=actor, is_owner=is_owner)
        assert actions.erase_batch(services, batch, actor=actor, is_owner=is_owner)
        subject = f"batch:{batch.id}"
        for action, details in (("batch.retry", {"photos": "1"}), ("batch.cancel", {}), ("batch.erase", {})):
            logged = [each for each in list_logged(services, action) if each[1] == subject]
            assert logged == ([(actor, subject, details)] if is_logged else [])


@sqlite_alone
def test_what_a_call_has_no_time_for_is_canceled_later_and_what_came_since_goes_on(services: JobServices) -> None:
    batch, job_ids = submit(services, 3)
    fail(services, job_ids[0])
    actions.cancel_batch(services, batch, actor=ANA, is_owner=False, most_s=NO_TIME_S)
    assert count(services, batch.id) == {"failed": 1, "queued": 2}
    assert actions.retry_batch(services, batch, actor=ANA, is_owner=False) == Retried(1, 0, 0)
    canceled_at = read(services, batch.id).canceled_at
    assert canceled_at is not None
    actions.cancel_rest(services.database, services.announce, batch.id, canceled_at, actor=ANA, most_s=9)
    assert count(services, batch.id) == {"queued": 1, "canceled": 2}


@postgresql_alone
def test_a_worker_that_ends_a_job_while_the_batch_is_canceled_does_not_wait_for_it_nor_it_for_ever(
    services: JobServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has its job and wants to count it; canceling has counted others and wants that job: neither may be aborted."""
    monkeypatch.setattr("db.jobs.batches.LANES", 1)
    batch, (_, analysed) = submit(services, 2)
    with services.database.write() as session:
        _, claim = lifecycle.claim_job(session, analysed, "host:1", 60)

    def is_held_up() -> bool:
        with services.database.read() as session:
            return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    with ThreadPoolExecutor(1) as pool:
        with services.database.write() as session:
            session.execute(select(Job.id).where(Job.id == analysed).with_for_update())
            canceling = pool.submit(actions.cancel_batch, services, batch, actor=ANA, is_owner=False)
            wait_until(is_held_up, "canceling waits for the job")
            lifecycle.finish_job(session, claim, Outcome(9, 9, ()))
        canceling.result(timeout=30)
    assert count(services, batch.id) == {"succeeded": 1, "canceled": 1}


def test_failed_photos_become_jobs_in_their_places_and_the_others_stay(services: JobServices, outbox: Outbox) -> None:
    batch, job_ids = submit(services, 4)
    fail(services, job_ids[3], job_ids[1], job_ids[0])
    services.blobs.delete(make_photo_key(job_ids[1]))
    outbox.sent.clear()
    assert actions.retry_batch(services, batch, actor=SHOP, is_owner=True) == Retried(submitted=2, gone=1, left=0)
    with services.database.read() as session:
        jobs = session.scalars(select(Job).where(Job.batch_id == batch.id).order_by(Job.batch_position)).all()
        left = session.scalars(select(Job).where(Job.id.in_([job_ids[0], job_ids[3]]))).all()
    assert [job.batch_position for job in jobs] == [0, 1, 2, 3]
    assert [job.status.value for job in jobs] == ["queued", "failed", "queued", "queued"]
    assert outbox.sent == [jobs[0].id, jobs[3].id]
    assert [(job.batch_id, job.batch_position, job.status.value) for job in left] == [(None, None, "failed")] * 2
    assert services.blobs.get(make_photo_key(jobs[0].id), jobs[0].photo_sha256) == PHOTO
    assert count(services, batch.id) == {"queued": 3, "failed": 1}


@sqlite_alone
def test_a_photo_whose_time_is_over_is_gone_though_the_sweeper_has_not_deleted_it(services: JobServices) -> None:
    batch, job_ids = submit(services, 2)
    fail(services, *job_ids)
    with services.database.write() as session:
        session.execute(update(Job).where(Job.id == job_ids[0]).values(purge_photo_at=utcnow()))
    assert actions.retry_batch(services, batch, actor=SHOP, is_owner=True) == Retried(submitted=1, gone=1, left=0)
    assert services.blobs.has(make_photo_key(job_ids[0]))


@sqlite_alone
def test_a_batch_whose_photos_are_tried_again_is_finished_no_longer_and_others_are(services: JobServices) -> None:
    (batch, job_ids), (other, other_ids) = submit(services, 1), submit(services, 1)
    fail(services, *job_ids, *other_ids)
    actions.close_batch(services, other.id)
    actions.close_batch(services, batch.id)
    assert actions.retry_batch(services, read(services, batch.id), actor=SHOP, is_owner=True).submitted == 1
    assert [read(services, each.id).finished_at is None for each in (batch, other)] == [True, False]


@sqlite_alone
def test_a_photo_that_was_never_fetched_is_fetched_anew(services: JobServices, outbox: Outbox) -> None:
    asked: list[int] = []
    services = make_job_services(
        services.database, Path(services.blobs._folder or ""), outbox, ask_for_fetches=asked.append
    )
    batch, (job_id,) = submit(services, 1, url="https://example.com/a.jpg")
    with services.database.write() as session:
        lifecycle.fail_unfetched_job(session, job_id, SHOP, "fetch_failed", "no answer")
    asked.clear()
    assert actions.retry_batch(services, batch, actor=SHOP, is_owner=True) == Retried(1, 0, 0)
    assert (asked, outbox.sent, list_photos(services)) == ([1], [], set())
    with services.database.read() as session:
        again = session.scalars(select(Job).where(Job.batch_id == batch.id)).one()
        assert session.get(PhotoFetch, again.id) is not None


@sqlite_alone
def test_a_full_queue_takes_what_it_has_room_for_and_the_rest_is_left(services: JobServices, outbox: Outbox) -> None:
    batch, job_ids = submit(services, 3)
    fail(services, *job_ids)
    folder = Path(services.blobs._folder or "")
    small = make_job_services(services.database, folder, outbox, room=QueueRoom(2))
    assert actions.retry_batch(small, batch, actor=ANA, is_owner=False) == Retried(submitted=2, gone=0, left=1)
    assert list_logged(services, "batch.retry") == [(ANA, f"batch:{batch.id}", {"photos": "2"})]
    with pytest.raises(QueueFull):
        actions.retry_batch(small, batch, actor=ANA, is_owner=False)
    assert count(services, batch.id) == {"queued": 2, "failed": 1}
    assert len(list_logged(services, "batch.retry")) == 1


@sqlite_alone
@pytest.mark.parametrize("is_away", [True, False], ids=["the store is away", "the time is over"])
def test_a_retry_that_comes_only_half_way_is_logged_with_what_it_did(
    services: JobServices, monkeypatch: pytest.MonkeyPatch, *, is_away: bool
) -> None:
    batch, job_ids = submit(services, 2)
    fail(services, *job_ids)
    retry = actions._retry_job

    def retry_one(*given: object) -> actions._Outcome:
        if retried:
            raise BlobStoreUnavailable("away")
        retried.append(given)
        monkeypatch.setattr(actions, "monotonic", lambda: 0.0 if is_away else actions.CALL_S)
        return retry(*given)  # type: ignore[arg-type]

    retried: list[object] = []
    monkeypatch.setattr(actions, "_retry_job", retry_one)
    if is_away:
        with pytest.raises(BlobStoreUnavailable):
            actions.retry_batch(services, batch, actor=ANA, is_owner=False)
    else:
        assert actions.retry_batch(services, batch, actor=ANA, is_owner=False) == Retried(1, 0, 1)
    assert list_logged(services, "batch.retry") == [(ANA, f"batch:{batch.id}", {"photos": "1"})]
    assert count(services, batch.id) == {"queued": 1, "failed": 1}


def test_two_retries_at_once_make_one_job_of_each_photo_and_leave_no_other_photo(
    services: JobServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, job_ids = submit(services, 3)
    fail(services, *job_ids)
    together, read_photo = Barrier(2), actions._read_photo

    def read_together(*given: object) -> bytes | None:
        data = read_photo(*given)  # type: ignore[arg-type]
        together.wait(timeout=30)
        return data

    monkeypatch.setattr(actions, "_read_photo", read_together)

    def retry(_: int) -> Retried:
        return actions.retry_batch(services, batch, actor=ANA, is_owner=False)

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(retry, range(2)))
    assert sum(each.submitted for each in told) == 3, "none is told twice"
    assert {(each.gone, each.left) for each in told} == {(0, 0)}
    assert sum(int(details["photos"]) for _, _, details in list_logged(services, "batch.retry")) == 3
    with services.database.read() as session:
        jobs = session.scalars(select(Job).where(Job.batch_id == batch.id)).all()
    assert sorted(job.batch_position or 0 for job in jobs) == [0, 1, 2]
    assert count(services, batch.id) == {"queued": 3}
    assert list_photos(services) == {make_photo_key(job_id) for job_id in (*job_ids, *(job.id for job in jobs))}


def test_an_erased_batch_is_gone_with_all_of_its_jobs_and_photos(services: JobServices) -> None:
    batch, _ = submit(services, 5)
    other, kept = submit(services, 1)
    assert actions.erase_batch(services, batch, actor=ANA, is_owner=False)
    assert list_photos(services) == {make_photo_key(kept[0])}
    with services.database.read() as session:
        assert session.scalars(select(Batch.id)).all() == [other.id]
        assert session.scalars(select(Job.id)).all() == kept


@sqlite_alone
def test_nobody_sees_a_batch_that_is_being_erased_and_the_rest_goes_later(services: JobServices) -> None:
    batch, _ = submit(services, 3, is_open=True)
    assert not actions.erase_batch(services, batch, actor=ANA, is_owner=False, most_s=NO_TIME_S)
    assert (read(services, batch.id).closed_at is not None, len(list_photos(services))) == (True, 3)
    with services.database.read() as session:
        assert find_batch(session, batch.id) is None
    assert actions.erase_rest(services.database, services.blobs, batch.id, most_s=9)
    assert list_photos(services) == set()


@sqlite_alone
def test_jobs_whose_photos_can_not_be_deleted_are_still_there(
    services: JobServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_away(_store: BlobStore, _keys: object) -> None:
        raise BlobStoreUnavailable("away")

    batch, _ = submit(services, 3)
    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "delete_many", be_away)
        with pytest.raises(BlobStoreUnavailable):
            actions.erase_batch(services, batch, actor=ANA, is_owner=False)
    with services.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 3
        assert find_batch(session, batch.id) is None
    assert actions.erase_rest(services.database, services.blobs, batch.id, most_s=9)
