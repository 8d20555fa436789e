"""Batches as rows."""

from uuid import uuid4

import pytest

from db.accounts import api_keys
from db.core.session import Database
from db.jobs.batches import create_batch
from db.jobs.tables import Batch

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_batch_is_stored_with_its_id_before_its_jobs(database: Database) -> None:
    batch_id, refused = uuid4(), ({"position": number, "code": "not_a_picture"} for number in range(2))
    with database.write() as session:
        owner = api_keys.ensure_application(session, "shop")
        create_batch(session, batch_id, owner.id, refused)
        assert not session.new, "jobs that name it may follow in the same transaction"
    with database.read() as session:
        batch = session.get_one(Batch, batch_id)
        assert (batch.application_id, [each["position"] for each in batch.refused]) == (owner.id, [0, 1])
