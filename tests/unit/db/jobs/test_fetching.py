"""Photo fetches: claims, and their effect on jobs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import update

from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs import lifecycle
from db.jobs.erasure import erase_job
from db.jobs.fetching import (
    FetchedPhoto,
    claim_fetch,
    defer_fetch,
    list_due_fetches,
    record_fetch_failed,
    record_fetched,
)
from db.jobs.states import InvalidTransition
from db.jobs.tables import Job, PhotoFetch
from tests.support.factories.jobs import UNFETCHED, add_job, claim

FETCHER = Actor.system("fetcher")
PHOTO = FetchedPhoto(
    photo_key="photos/x", photo_sha256="a" * 64, photo_bytes=9, media_type="image/png", width=64, height=48
)
sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def submit(database: Database, name: str = "a", *, overdue_s: float = 0) -> UUID:
    """A job whose photo is to be fetched, for that many seconds."""
    job_id = add_job(database, source_url=f"https://example.com/{name}.jpg", **UNFETCHED)
    with database.write() as session:
        due_at = utcnow() - timedelta(seconds=overdue_s)
        session.execute(update(PhotoFetch).where(PhotoFetch.job_id == job_id).values(next_try_at=due_at))
    return job_id


def take(database: Database, job_id: UUID, lease_s: float = 60) -> int | None:
    with database.write() as session:
        return claim_fetch(session, job_id, lease_s)


def list_due(database: Database, limit: int = 9) -> list[tuple[UUID, str]]:
    with database.read() as session:
        return list(list_due_fetches(session, limit))


def read(database: Database, job_id: UUID) -> tuple[Job, PhotoFetch | None]:
    with database.read() as session:
        return session.get_one(Job, job_id), session.get(PhotoFetch, job_id)


@sqlite_alone
def test_the_longest_overdue_come_first_and_those_that_are_not_due_not_at_all(database: Database) -> None:
    middle, longest, least = (submit(database, str(number), overdue_s=number) for number in (20, 30, 10))
    submit(database, overdue_s=-60)
    assert list_due(database) == [
        (longest, "https://example.com/30.jpg"),
        (middle, "https://example.com/20.jpg"),
        (least, "https://example.com/10.jpg"),
    ]
    assert [job_id for job_id, _ in list_due(database, limit=2)] == [longest, middle]


def test_of_many_who_take_a_fetch_at_once_one_has_it(database: Database) -> None:
    job_id, together = submit(database), Barrier(4)

    def try_it(_: int) -> int | None:
        together.wait(timeout=30)
        return take(database, job_id)

    with ThreadPoolExecutor(4) as pool:
        tries = list(pool.map(try_it, range(4)))
    assert sorted(tries, key=str) == [1, None, None, None]
    assert list_due(database) == []


@sqlite_alone
def test_a_fetch_is_due_again_when_its_lease_is_over_and_tries_are_counted(database: Database) -> None:
    job_id = submit(database)
    assert take(database, job_id, lease_s=-1) == 1
    assert [due for due, _ in list_due(database)] == [job_id]
    assert take(database, job_id) == 2
    assert take(database, job_id) is None


@sqlite_alone
def test_a_fetch_that_is_put_off_is_not_due_before(database: Database) -> None:
    job_id, other = submit(database), submit(database)
    with database.write() as session:
        defer_fetch(session, job_id, 60)
    assert [due for due, _ in list_due(database)] == [other]
    with database.write() as session:
        defer_fetch(session, job_id, -1)
    assert take(database, job_id) == 1


@sqlite_alone
def test_a_fetch_whose_job_has_ended_is_forgotten(database: Database) -> None:
    canceled, waiting = submit(database), submit(database)
    with database.write() as session:
        lifecycle.cancel_job(session, canceled, Actor.application("test"))
    assert take(database, canceled) is None
    assert [read(database, job_id)[1] is None for job_id in (canceled, waiting)] == [True, False]


@sqlite_alone
def test_a_job_with_its_photo_is_ready_for_a_worker_and_is_given_no_other(database: Database) -> None:
    job_id = submit(database)
    with pytest.raises(InvalidTransition):
        claim(database, job_id)
    before = read(database, job_id)[0].revision
    with database.write() as session:
        job = record_fetched(session, job_id, PHOTO)
    assert {name: getattr(job, name) for name in vars(PHOTO)} == vars(PHOTO)
    assert (job.status, job.revision) == (JobStatus.QUEUED, before + 1)
    stored, fetch = read(database, job_id)
    assert (stored.photo_sha256, fetch) == (PHOTO.photo_sha256, None)
    with pytest.raises(InvalidTransition), database.write() as session:
        record_fetched(session, job_id, FetchedPhoto(**vars(PHOTO) | {"photo_sha256": "b" * 64}))
    assert read(database, job_id)[0].photo_sha256 == PHOTO.photo_sha256
    claim(database, job_id)


@sqlite_alone
def test_a_photo_that_can_not_be_had_ends_its_job_with_the_reason(database: Database) -> None:
    job_id = submit(database)
    with database.write() as session:
        record_fetch_failed(session, job_id, FETCHER, "fetch_failed", "the URL responded with HTTP 404")
    job, fetch = read(database, job_id)
    assert (job.status, job.error_code, job.error_detail, fetch) == (
        JobStatus.FAILED,
        "fetch_failed",
        "the URL responded with HTTP 404",
        None,
    )


@sqlite_alone
def test_what_comes_of_a_fetch_changes_no_job_that_was_canceled_erased_or_fetched_meanwhile(database: Database) -> None:
    canceled, erased, fetched = submit(database), submit(database), submit(database)
    with database.write() as session:
        lifecycle.cancel_job(session, canceled, Actor.application("test"))
        erase_job(session, erased)
        record_fetched(session, fetched, PHOTO)
    for job_id in (canceled, erased, fetched):
        with pytest.raises(InvalidTransition), database.write() as session:
            record_fetched(session, job_id, PHOTO)
        with pytest.raises(InvalidTransition), database.write() as session:
            record_fetch_failed(session, job_id, FETCHER, "fetch_failed", "no")
    assert read(database, canceled)[0].status is JobStatus.CANCELED
    assert read(database, fetched)[0].status is JobStatus.QUEUED
