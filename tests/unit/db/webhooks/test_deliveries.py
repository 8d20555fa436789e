from typing import Any

import pytest
from sqlalchemy import event, select

from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import DeliveryState
from db.jobs import lifecycle as jobs
from db.webhooks.deliveries import (
    AttemptResult,
    DeliveryFilter,
    claim_delivery,
    list_deliveries,
    list_due,
    record_attempt,
)
from db.webhooks.tables import WebhookDelivery
from tests.support.factories.jobs import add_job


def test_a_callback_is_due_once_a_job_with_an_address_ends(database: Database) -> None:
    job_id = add_job(database, callback_url="https://example.org/hook")
    add_job(database)
    with database.write() as session:
        assert list_due(session, 10) == []
        jobs.cancel_job(session, job_id, Actor.user("someone"))
    with database.write() as session:
        (due,) = list_due(session, 10)
        claimed = claim_delivery(session, due, 30)
        assert claimed is not None
        assert claimed.body.data["id"] == str(job_id)
        assert claim_delivery(session, due, 30) is None
        taken = AttemptResult(duration_ms=1, status_code=204)
        record_attempt(session, due, taken, max_attempts=8, pause_after_s=60)
        assert list_due(session, 10) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_deliveries_of_a_job_or_a_state_are_found_by_an_index(database: Database) -> None:
    first, second = (add_job(database, callback_url="https://example.org/hook") for _ in range(2))
    with database.write() as session:
        for job_id in (first, second):
            jobs.cancel_job(session, job_id, Actor.user("someone"))
    plans = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT webhook_deliveries"):
            steps = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(step[3] for step in steps))

    with database.read() as session:
        endpoint_id = session.scalars(select(WebhookDelivery.endpoint_id).limit(1)).one()
        event.listen(database.engine, "before_cursor_execute", explain)
        (found,) = list_deliveries(session, DeliveryFilter(job_id=second), limit=9)
        assert found.event.job_id == second
        state = DeliveryFilter(endpoint_id=endpoint_id, state=DeliveryState.PENDING)
        assert len(list_deliveries(session, state, limit=9)) == 1
        event.remove(database.engine, "before_cursor_execute", explain)
    assert "ix_webhook_deliveries_event_id_id (event_id=?)" in plans[0]
    assert "ix_webhook_deliveries_endpoint_id_state_id (endpoint_id=? AND state=?)" in plans[1]
