"""Photo stored, row committed, message sent; what fails on the way leaves nothing behind."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select

from db.core.actors import Actor
from db.core.blobs import make_photo_key
from db.core.session import Database
from db.core.vocabulary import Detector, WorkerState
from db.jobs.batches import RefusedPhoto, list_photos, read_position
from db.jobs.idempotency import IdempotencyConflict, Repeatable
from db.jobs.lifecycle import NewJob
from db.jobs.room import QueueRoom
from db.jobs.services import JobServices
from db.jobs.submission import DetectorMissing, NewBatch, QueueFull, Quota, list_detectors, submit_batch, submit_job
from db.jobs.tables import Batch, BatchRefusal, Job
from db.monitoring.heartbeats import record_heartbeat
from tests.support.factories.accounts import add_application
from tests.support.factories.jobs import make_new_job
from tests.support.job_services import Outbox, make_job_services

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SHOP = Actor.application("shop")
DATA = b"photo"


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def open_services(database: Database, tmp_path: Path, outbox: Outbox) -> Callable[..., JobServices]:
    return lambda **changed: make_job_services(database, tmp_path / "blobs", outbox, **changed)


@pytest.fixture
def shop(database: Database) -> UUID:
    return add_application(database, "shop")


def make_new(application_id: UUID, **options: object) -> NewJob:
    sha256 = hashlib.sha256(DATA).hexdigest()
    return make_new_job(application_id, photo_sha256=sha256, photo_bytes=len(DATA), **options)


def count(database: Database, table: type[Job] | type[Batch]) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_photo_is_stored_the_job_committed_and_its_message_sent(
    open_services: Callable[..., JobServices], outbox: Outbox, shop: UUID
) -> None:
    services, new = open_services(), make_new(shop)
    submitted = submit_job(services, new, DATA, actor=SHOP)
    assert (submitted.id, submitted.is_new, outbox.sent) == (new.id, True, [new.id])
    assert services.blobs.get(make_photo_key(new.id), new.photo_sha256) == DATA


def test_a_job_whose_message_is_lost_waits_for_the_sweeper(
    open_services: Callable[..., JobServices], outbox: Outbox, database: Database, shop: UUID
) -> None:
    outbox.is_there = False
    assert submit_job(open_services(), make_new(shop), DATA, actor=SHOP).is_new
    assert (count(database, Job), outbox.sent) == (1, [])


def test_a_full_queue_stores_no_photo(
    open_services: Callable[..., JobServices], database: Database, shop: UUID
) -> None:
    services, new = open_services(room=QueueRoom(1)), make_new(shop)
    submit_job(services, make_new(shop), DATA, actor=SHOP)
    with pytest.raises(QueueFull):
        submit_job(services, new, DATA, actor=SHOP)
    assert (services.blobs.has(make_photo_key(new.id)), count(database, Job)) == (False, 1)


def test_the_same_key_finds_the_first_job_and_stores_no_second_photo(
    open_services: Callable[..., JobServices], outbox: Outbox, shop: UUID
) -> None:
    services, first, second = open_services(), make_new(shop), make_new(shop)
    submit_job(services, first, DATA, actor=SHOP, repeatable=Repeatable("key", "print"))
    again = submit_job(services, second, DATA, actor=SHOP, repeatable=Repeatable("key", "print"))
    assert (again.id, again.is_new, outbox.sent) == (first.id, False, [first.id])
    assert not services.blobs.has(make_photo_key(second.id))
    with pytest.raises(IdempotencyConflict):
        submit_batch(
            services, NewBatch(uuid4(), shop, []), [(second, lambda: DATA)], actor=SHOP,
            repeatable=Repeatable("key", "print"),
        )  # fmt: skip


def test_a_batch_of_which_one_photo_cannot_be_read_leaves_none(
    open_services: Callable[..., JobServices], database: Database, shop: UUID
) -> None:
    def fail() -> bytes:
        raise OSError("the upload is gone")

    services, first, second = open_services(), make_new(shop), make_new(shop)
    with pytest.raises(OSError, match="gone"):
        submit_batch(services, NewBatch(uuid4(), shop, []), [(first, lambda: DATA), (second, fail)], actor=SHOP)
    assert [services.blobs.has(make_photo_key(new.id)) for new in (first, second)] == [False, False]
    assert (count(database, Job), count(database, Batch)) == (0, 0)


def test_a_batch_is_one_row_with_its_jobs_and_what_was_refused(
    open_services: Callable[..., JobServices], database: Database, shop: UUID
) -> None:
    refused = [RefusedPhoto(1, "a.txt", "not_a_picture", "no")]
    batch = NewBatch(uuid4(), shop, refused)
    jobs = [make_new(shop, batch_id=batch.id, batch_position=position) for position in (0, 2)]
    assert submit_batch(open_services(), batch, [(new, lambda: DATA) for new in jobs], actor=SHOP).id == batch.id
    with database.read() as session:
        assert session.scalars(select(BatchRefusal.detail).where(BatchRefusal.batch_id == batch.id)).all() == ["no"]
        assert [read_position(photo) for photo in list_photos(session, batch.id, limit=9)] == [0, 1, 2]
        assert set(session.scalars(select(Job.id).where(Job.batch_id == batch.id))) == {new.id for new in jobs}


def test_a_detector_that_no_worker_has_is_refused(
    open_services: Callable[..., JobServices], database: Database, shop: UUID
) -> None:
    services = open_services()
    assert list_detectors(services) == {Detector.BLAZEFACE}
    with database.write() as session:
        record_heartbeat(session, "w:1", WorkerState.READY, detectors=[Detector.HOG])
    assert list_detectors(services) == {Detector.HOG}
    with pytest.raises(DetectorMissing):
        submit_job(services, make_new(shop, detector=Detector.BLAZEFACE), DATA, actor=SHOP)
    assert submit_job(services, make_new(shop, detector=Detector.HOG), DATA, actor=SHOP).is_new


class Purse:
    """A quota of some photos."""

    def __init__(self, photos: int) -> None:
        self.left = photos

    @property
    def quota(self) -> Quota:
        return Quota(self.take, self.give_back)

    def take(self, photos: int) -> None:
        if photos > self.left:
            raise ValueError("no more today")
        self.left -= photos

    def give_back(self, photos: int) -> None:
        self.left += photos


def test_a_quota_is_taken_from_by_new_jobs_alone(
    open_services: Callable[..., JobServices], database: Database, shop: UUID
) -> None:
    services, purse, repeatable = open_services(room=QueueRoom(4)), Purse(5), Repeatable("key", "f" * 64)
    for _ in range(2):  # the second is a repetition
        submit_job(services, make_new(shop), DATA, actor=SHOP, repeatable=repeatable, quota=purse.quota)
        assert purse.left == 4
    batch = NewBatch(uuid4(), shop, [RefusedPhoto(1, "b", "not_a_picture", "a text")])
    photos = [(make_new(shop, batch_id=batch.id, batch_position=place), lambda: DATA) for place in (0, 2)]
    submit_batch(services, batch, photos, actor=SHOP, quota=purse.quota)
    assert purse.left == 2
    with pytest.raises(QueueFull):
        submit_batch(services, replace(batch, id=uuid4()), photos, actor=SHOP, quota=purse.quota)
    assert purse.left == 2
    purse.left = 0
    again = submit_job(services, make_new(shop), DATA, actor=SHOP, repeatable=repeatable, quota=purse.quota)
    assert not again.is_new  # it was paid for
    new = make_new(shop)
    with pytest.raises(ValueError, match="no more today"):
        submit_job(services, new, DATA, actor=SHOP, quota=purse.quota)
    assert (purse.left, services.blobs.has(make_photo_key(new.id)), count(database, Job)) == (0, False, 3)


def test_what_fails_after_the_quota_was_taken_gives_it_back(
    open_services: Callable[..., JobServices], database: Database, shop: UUID
) -> None:
    services, purse, repeatable = open_services(), Purse(5), Repeatable("key", "f" * 64)

    def fail() -> bytes:
        raise OSError("the upload's file is gone")

    batch = NewBatch(uuid4(), shop, [])
    photos = [
        (make_new(shop, batch_id=batch.id, batch_position=place), read)
        for place, read in ((0, lambda: DATA), (1, fail))
    ]
    with pytest.raises(OSError, match="gone"):
        submit_batch(services, batch, photos, actor=SHOP, quota=purse.quota)
    assert purse.left == 5

    def be_slower() -> bytes:  # than another request with the same key
        submit_batch(services, replace(batch, id=uuid4()), [], actor=SHOP, repeatable=repeatable, quota=purse.quota)
        return DATA

    slow = [(make_new(shop, batch_id=batch.id, batch_position=0), be_slower)]
    assert not submit_batch(services, batch, slow, actor=SHOP, repeatable=repeatable, quota=purse.quota).is_new
    assert (purse.left, count(database, Job)) == (5, 0)


def test_a_photo_whose_job_may_be_committed_is_kept(
    open_services: Callable[..., JobServices], shop: UUID, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails behind the commit says nothing of the job."""
    write, services, new = database.write_rows, open_services(), make_new(shop)

    @contextmanager
    def fail_after_the_commit() -> Iterator[Connection]:
        with write() as connection:
            yield connection
        raise RuntimeError("too late")

    monkeypatch.setattr(database, "write_rows", fail_after_the_commit)
    with pytest.raises(RuntimeError):
        submit_job(services, new, DATA, actor=SHOP)
    assert count(database, Job) == 1
    assert services.blobs.get(new.photo_key or "", new.photo_sha256) == DATA
