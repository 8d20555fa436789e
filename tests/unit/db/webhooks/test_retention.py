from sqlalchemy import select

from db.core.session import Database
from db.webhooks.retention import forget_events
from db.webhooks.tables import WebhookEndpoint
from tests.support.factories.jobs import add_job
from tests.support.factories.webhooks import add_endpoint, cancel, list_deliveries


def test_old_events_are_forgotten_with_the_endpoints_of_their_jobs(database: Database) -> None:
    add_endpoint(database, "job.canceled")
    cancel(database, add_job(database, "shop", callback_url="https://example.org/"))
    with database.write() as session:
        assert forget_events(session, 3600, 10) == 0
        assert forget_events(session, -1, 10) == 1
    assert list_deliveries(database) == []
    with database.read() as session:
        assert [each.job_id for each in session.scalars(select(WebhookEndpoint))] == [None]
