"""What is old goes with all that hangs on it, and nothing else does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.blobs import BlobStore, make_photo_key
from db.core.keys import first_key
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, VoteChoice
from db.faces.tables import Face
from db.jobs import lifecycle as jobs
from db.jobs.retention import count_old_jobs, erase_old_jobs
from db.jobs.tables import Batch, Job
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewSubject
from tests.support.factories.actors import TEST
from tests.support.factories.analyses import Analyses
from tests.support.factories.jobs import create_job

DAY_S = 24 * 3600


def add_job(
    database: Database, blobs: BlobStore, days_ago: float, *, has_ended: bool = True, batch_id: UUID | None = None
) -> UUID:
    """A job that was submitted so long ago, with its photo."""
    job_id = UUID(int=first_key(utcnow(), -days_ago * DAY_S).int | (uuid7().int & ((1 << 80) - 1)))
    key = make_photo_key(job_id)
    blobs.put(key, b"photo")
    with database.write() as session:
        create_job(
            session,
            id=job_id,
            photo_bytes=5,
            photo_retention_s=10 * DAY_S,
            batch_id=batch_id,
            batch_position=0 if batch_id else None,
        )
        if has_ended:
            jobs.cancel_job(session, job_id, TEST)
    return job_id


def list_jobs(database: Database) -> set[UUID]:
    with database.read() as session:
        return set(session.scalars(select(Job.id)))


def test_ended_jobs_of_that_age_are_erased_with_their_photos(database: Database, blob_store: BlobStore) -> None:
    old, young = add_job(database, blob_store, 8), add_job(database, blob_store, 6)
    waiting = add_job(database, blob_store, 8, has_ended=False)
    with database.read() as session:
        assert count_old_jobs(session, 7 * DAY_S) == 1
    assert erase_old_jobs(database, blob_store, 7 * DAY_S, limit=10) == 1
    assert list_jobs(database) == {young, waiting}
    assert [blob_store.has(make_photo_key(job_id)) for job_id in (old, young, waiting)] == [False, True, True]


def test_the_oldest_go_first_and_no_more_at_once_than_asked(database: Database, blob_store: BlobStore) -> None:
    job_ids = [add_job(database, blob_store, days) for days in (9, 11, 10)]
    assert erase_old_jobs(database, blob_store, 7 * DAY_S, limit=2) == 2
    assert list_jobs(database) == {job_ids[0]}


def test_faces_and_votes_go_with_their_job(database: Database, blob_store: BlobStore, analyses: Analyses) -> None:
    stored = analyses.store((Emotion.HAPPY, 0.6))
    with database.write() as session:
        cast_vote(session, stored.face_ids[0], "ana", VoteChoice.SAD)
    assert erase_old_jobs(database, blob_store, -60, limit=10) == 1
    with database.read() as session:
        for table in (Job, Face, ReviewSubject):
            assert session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(("days", "is_kept"), [(8, False), (6, True)])
def test_a_batch_goes_with_the_last_of_its_jobs(
    database: Database, blob_store: BlobStore, days: float, *, is_kept: bool
) -> None:
    with database.write() as session:
        owner = api_keys.ensure_application(session, "test")
        batch = Batch(application_id=owner.id, created_at=utcnow() - timedelta(days=8), refused_count=1)
        session.add(batch)
        session.flush()
        batch_id = batch.id
    add_job(database, blob_store, 8, batch_id=batch_id)
    add_job(database, blob_store, days, batch_id=batch_id)
    erase_old_jobs(database, blob_store, 7 * DAY_S, limit=10)
    with database.read() as session:
        assert (session.get(Batch, batch_id) is not None) == is_kept


@pytest.mark.parametrize(("days", "is_kept"), [(8, False), (6, True)])
def test_a_batch_without_jobs_is_kept_for_as_long_as_a_job(
    database: Database, blob_store: BlobStore, days: float, *, is_kept: bool
) -> None:
    with database.write() as session:
        owner = api_keys.ensure_application(session, "test")
        batch = Batch(application_id=owner.id, created_at=utcnow() - timedelta(days=days), refused_count=1)
        session.add(batch)
        session.flush()
        batch_id = batch.id
    add_job(database, blob_store, 8)
    assert erase_old_jobs(database, blob_store, 7 * DAY_S, limit=10) == 1
    with database.read() as session:
        assert (session.get(Batch, batch_id) is not None) == is_kept


def test_more_jobs_than_one_transaction_takes_go_in_one_call(database: Database, blob_store: BlobStore) -> None:
    for _ in range(5):
        add_job(database, blob_store, 8)
    assert erase_old_jobs(database, blob_store, 7 * DAY_S, limit=10, jobs_a_transaction=2) == 5
    assert not list_jobs(database)


def test_two_sweeps_at_once_erase_each_job_once(database: Database, blob_store: BlobStore) -> None:
    for _ in range(30):
        add_job(database, blob_store, 8)
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: erase_old_jobs(database, blob_store, 7 * DAY_S, limit=100), range(2)))
    assert (sum(counts), list_jobs(database)) == (30, set())
