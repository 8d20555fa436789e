"""Idempotency keys and their expiry."""

from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from db.accounts import api_keys
from db.core.session import Database
from db.jobs.idempotency import (
    IdempotencyConflict,
    Repeatable,
    find_submission,
    forget_expired_submissions,
    remember_submission,
)
from db.jobs.tables import IdempotencyKey
from tests.support.factories.accounts import add_application
from tests.support.factories.jobs import add_job

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

KEY = Repeatable("key", "a" * 64)


@pytest.fixture
def shop(database: Database) -> UUID:
    return add_application(database, "test")


def remember(database: Database, application_id: UUID, repeatable: Repeatable = KEY, retention_s: float = 60) -> UUID:
    job_id = add_job(database)
    with database.write() as session:
        remember_submission(session, application_id, repeatable, retention_s=retention_s, job_id=job_id)
    return job_id


def test_the_same_request_finds_what_it_made_and_another_is_a_conflict(database: Database, shop: UUID) -> None:
    job_id = remember(database, shop)
    with database.write() as session:
        found = find_submission(session, shop, KEY)
        assert found is not None
        assert (found.job_id, found.batch_id) == (job_id, None)
        assert find_submission(session, shop, Repeatable("other", KEY.fingerprint)) is None
        with pytest.raises(IdempotencyConflict):
            find_submission(session, shop, Repeatable("key", "b" * 64))


def test_a_key_is_its_applications_alone(database: Database, shop: UUID) -> None:
    remember(database, shop)
    with database.write() as session:
        rival = api_keys.ensure_application(session, "rival").id
        assert find_submission(session, rival, KEY) is None
        remember_submission(session, rival, KEY, retention_s=60)


def test_a_key_is_used_once_at_a_time_and_free_when_its_time_is_over(database: Database, shop: UUID) -> None:
    remember(database, shop, retention_s=-1)
    with database.write() as session:
        assert find_submission(session, shop, KEY) is None
    remember(database, shop)
    with pytest.raises(IntegrityError):
        remember(database, shop)


def test_the_sweeper_forgets_those_alone_whose_time_is_over(database: Database, shop: UUID) -> None:
    remember(database, shop, Repeatable("old", ""), retention_s=-1)
    remember(database, shop, Repeatable("new", ""))
    with database.write() as session:
        forget_expired_submissions(session)
        assert session.scalars(select(IdempotencyKey.key)).all() == ["new"]
