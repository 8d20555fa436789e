import pytest

from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import Outcome
from db.jobs.queries import list_events
from db.jobs.states import InvalidTransition, move_job
from db.jobs.tables import Job
from tests.support.factories.jobs import add_job, claim


def test_two_workers_cannot_both_claim_a_job(database: Database) -> None:
    job_id = add_job(database)
    claim(database, job_id)
    with pytest.raises(InvalidTransition):
        claim(database, job_id, "w2")


def test_a_canceled_job_takes_no_result(database: Database) -> None:
    job_id = add_job(database)
    held = claim(database, job_id)
    with database.write() as session:
        jobs.cancel_job(session, job_id, Actor.user("someone"))
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.finish_job(session, held, Outcome(1, 1, ()))
    with pytest.raises(InvalidTransition), database.write() as session:
        jobs.cancel_job(session, job_id, Actor.user("someone"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_move_that_does_not_exist_is_a_fault_of_the_caller(database: Database) -> None:
    job_id = add_job(database)
    for source, target in ((JobStatus.QUEUED, JobStatus.SUCCEEDED), (JobStatus.CANCELED, JobStatus.QUEUED)):
        with pytest.raises(ValueError, match="no transition"), database.write() as session:
            move_job(session, job_id, source, target, actor=Actor.system("test"), now=utcnow())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_move_is_written_with_its_event_and_counted(database: Database) -> None:
    job_id = add_job(database)
    with database.write() as session:
        job = move_job(
            session, job_id, JobStatus.QUEUED, JobStatus.CANCELED, actor=Actor.user("ana"), now=utcnow(), detail="why",
            values={"error_code": "code"},
        )  # fmt: skip
        event = list_events(session, job_id)[-1]
        assert (job.status, job.revision, job.error_code) == (JobStatus.CANCELED, 1, "code")
        assert (event.from_status, event.to_status, event.actor, event.detail) == (
            JobStatus.QUEUED,
            JobStatus.CANCELED,
            "ana",
            "why",
        )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_conditions_that_do_not_hold_leave_the_job_as_it_is(database: Database) -> None:
    job_id = add_job(database)
    with pytest.raises(InvalidTransition) as refused, database.write() as session:
        move_job(
            session, job_id, JobStatus.QUEUED, JobStatus.CANCELED, actor=Actor.user("ana"), now=utcnow(),
            conditions=(Job.attempt == 7,),
        )  # fmt: skip
    assert str(job_id) not in refused.value.public_detail
    with database.read() as session:
        assert session.get_one(Job, job_id).status is JobStatus.QUEUED
