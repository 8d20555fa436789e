from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.webhooks.actions import claim_callback, list_due, record_delivered
from tests.support.stored_jobs import add_job


def test_a_callback_is_owed_once_a_job_with_an_address_ends(database: Database) -> None:
    job_id = add_job(database, callback_url="https://example.org/hook")
    add_job(database)
    with database.write() as session:
        assert list_due(session, 10) == []
        jobs.cancel_job(session, job_id, "someone")
    with database.write() as session:
        assert list_due(session, 10) == [job_id]
        assert claim_callback(session, job_id, 30) is not None
        assert claim_callback(session, job_id, 30) is None
        record_delivered(session, job_id, "204")
        assert list_due(session, 10) == []
