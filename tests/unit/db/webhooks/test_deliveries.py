from db.core.actors import Actor
from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.webhooks.deliveries import AttemptResult, claim_delivery, list_due, record_attempt
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
