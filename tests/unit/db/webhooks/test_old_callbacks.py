from sqlalchemy import delete, select

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState
from db.webhooks.old_callbacks import adopt_callbacks
from db.webhooks.tables import Callback, WebhookEndpoint, WebhookEvent
from tests.support.factories.jobs import add_job
from tests.support.factories.webhooks import cancel, list_deliveries


def test_callbacks_of_the_release_before_are_taken_over(database: Database) -> None:
    due, held, done = (add_job(database, "shop", callback_url="https://example.org/") for _ in range(3))
    for job_id in (due, held, done):
        cancel(database, job_id)
    with database.write() as session:
        session.execute(delete(WebhookEvent))
        session.execute(delete(WebhookEndpoint))
        later = utcnow().replace(year=2100)
        old = [
            Callback(job_id=due, tries=2, last_answer="HTTP 500"),
            Callback(job_id=held, tries=1, next_try_at=later),
            Callback(job_id=done, tries=1, done_at=utcnow(), last_answer="HTTP 204"),
        ]
        session.add_all(old)
    with database.write() as session:
        assert adopt_callbacks(session, 10) == 2
    found = {each.event.job_id: each for each in list_deliveries(database)}
    assert found.keys() == {due, done}
    assert (found[due].attempt, found[due].state, found[due].event_id) == (3, DeliveryState.PENDING, old[0].id)
    assert (found[done].state, found[done].status_code) == (DeliveryState.SUCCEEDED, 204)
    with database.read() as session:
        assert [each.job_id for each in session.scalars(select(Callback))] == [held]
