from datetime import timedelta

from sqlalchemy import update

from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Priority
from db.jobs import lifecycle
from db.jobs.sweeping import expire_lease, list_expired_claims, list_overdue, list_waiting, record_sent
from db.jobs.tables import Job
from tests.support.factories.jobs import add_job, claim


def test_only_a_dead_workers_lease_is_let_run_out(database: Database) -> None:
    job_id = add_job(database)
    with database.write() as session:
        assert not expire_lease(session, job_id, lambda _: True)
    held = claim(database, job_id, "w2")
    with database.write() as session:
        assert not expire_lease(session, job_id, lambda worker: worker == "w1")
        assert list_expired_claims(session, 10) == []
        assert expire_lease(session, job_id, lambda worker: worker == "w2")
        assert list_expired_claims(session, 10) == [held]


def test_of_lost_claims_the_longest_silent_come_first(database: Database) -> None:
    first, second, third = (claim(database, add_job(database), f"w{lease_s}", lease_s) for lease_s in (-9, -5, 60))
    with database.read() as session:
        assert list_expired_claims(session, 10) == [first, second]
        assert list_expired_claims(session, 1) == [first]
    assert third.worker == "w60"


def test_only_jobs_that_no_worker_ever_had_are_overdue(database: Database) -> None:
    waiting, tried, in_time = (
        add_job(database, deadline_s=-1),
        add_job(database, deadline_s=60),
        add_job(database, deadline_s=60),
    )
    held = claim(database, tried)
    with database.write() as session:
        lifecycle.give_back_job(session, held, Actor.worker("w"), "it crashed", "internal_error")
        session.execute(update(Job).where(Job.id == tried).values(deadline_at=utcnow()))
        assert list_overdue(session, 10) == [waiting]
        assert session.get_one(Job, in_time).deadline_at is not None


def test_jobs_wait_for_another_message_from_the_time_of_their_last(database: Database) -> None:
    old, new = add_job(database, priority=Priority.BULK), add_job(database)
    with database.write() as session:
        assert list_waiting(session.connection(), sent_before_s=5) == []
        session.execute(update(Job).where(Job.id == old).values(sent_at=utcnow() - timedelta(seconds=6)))
        assert list_waiting(session.connection(), sent_before_s=5) == [(old, Priority.BULK)]
        record_sent(session, [old])
        assert list_waiting(session.connection(), sent_before_s=5) == []
        assert {job_id for job_id, _ in list_waiting(session.connection(), sent_before_s=-1)} == {old, new}
