"""Rows and counts of batches."""

from uuid import UUID, uuid4

import pytest

from db.accounts import api_keys
from db.core.session import Database
from db.jobs.batches import (
    BatchClosed,
    BatchFull,
    RefusedPhoto,
    UnknownBatch,
    create_batch,
    list_photos,
    read_position,
    take_positions,
)
from db.jobs.tables import Batch

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_batch_is_stored_with_its_id_before_its_jobs(database: Database) -> None:
    batch_id = uuid4()
    refused = [RefusedPhoto(place, None, "not_a_picture", "no") for place in range(2)]
    with database.write() as session:
        owner = api_keys.ensure_application(session, "shop")
        create_batch(session, batch_id, owner.id, is_open=False)
        assert not session.new, "jobs that name it may follow in the same transaction"
        assert take_positions(session, batch_id, 3, refused, is_new=True) == 0
    with database.read() as session:
        batch = session.get_one(Batch, batch_id)
        assert (batch.application_id, batch.photo_count, batch.refused_count) == (owner.id, 3, 2)
        assert [read_position(photo) for photo in list_photos(session, batch_id, limit=9)] == [0, 1]


def test_a_batch_that_takes_no_more_photos_says_why(database: Database) -> None:
    closed, full = uuid4(), uuid4()
    with database.write() as session:
        owner = api_keys.ensure_application(session, "shop")
        create_batch(session, closed, owner.id, is_open=False)
        create_batch(session, full, owner.id, is_open=True)
        assert [take_positions(session, full, 1, (), is_new=False) for _ in range(2)] == [0, 1]
    reasons: dict[UUID, type[Exception]] = {closed: BatchClosed, full: BatchFull, uuid4(): UnknownBatch}
    for batch_id, reason in reasons.items():
        with pytest.raises(reason), database.write() as session:
            take_positions(session, batch_id, 1, (), is_new=False, most_photos=2)
