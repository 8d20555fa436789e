import pytest
from sqlalchemy import update

from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import TrainingRunStatus
from db.training_runs import lifecycle as runs
from db.training_runs import sweeping
from db.training_runs.documents import RunProgress
from db.training_runs.states import InvalidRunTransition
from db.training_runs.tables import TrainingRun
from tests.support.factories.model_versions import add_version
from tests.support.factories.training_runs import LEASE_S, SLOT, champion, claim, decide, read, snapshot, start


def test_a_silent_worker_loses_the_run_and_writes_nothing_afterwards(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    run_id = start(database)
    late = claim(database, run_id, lease_s=-1)
    with database.write() as session:
        (expired,) = sweeping.list_expired_runs(session)
        assert sweeping.take_back_run(session, expired, Actor.system("sweeper")).status is TrainingRunStatus.QUEUED
    claim(database, run_id)
    with database.write() as session:
        assert not runs.renew_run(session, late, LEASE_S, RunProgress(epoch=9)).is_held
    with pytest.raises(InvalidRunTransition):
        snapshot(database, late, old)
    with pytest.raises(InvalidRunTransition):
        decide(database, late, new, is_promoted=True)
    run = read(database, run_id)
    assert (run.status, run.attempt, run.progress) == (TrainingRunStatus.RUNNING, 2, None)
    assert champion(database) == "old"


def test_a_run_that_kills_workers_fails_after_its_last_attempt(database: Database) -> None:
    run_id = start(database)
    for _ in range(runs.MAX_ATTEMPTS):
        held = claim(database, run_id, lease_s=-1)
        with database.write() as session:
            sweeping.take_back_run(session, held, Actor.system("sweeper"))
    assert (read(database, run_id).status, read(database, run_id).error_code) == (
        TrainingRunStatus.FAILED, "worker_lost",
    )  # fmt: skip


def test_a_run_that_was_to_stop_is_not_started_again_when_its_worker_dies(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        runs.cancel_run(session, run_id, Actor.user("ben"))
        assert sweeping.expire_run_lease(session, run_id, lambda worker: worker == held.worker)
        sweeping.take_back_run(session, held, Actor.system("sweeper"))
    assert read(database, run_id).status is TrainingRunStatus.CANCELED


def test_a_living_workers_lease_on_a_run_is_left_alone(database: Database) -> None:
    run_id = start(database)
    claim(database, run_id)
    with database.write() as session:
        assert not sweeping.expire_run_lease(session, run_id, lambda _: False)
        assert sweeping.list_expired_runs(session) == []


def test_a_run_that_its_worker_gives_back_is_to_be_sent_and_has_lost_no_attempt(database: Database) -> None:
    run_id = start(database)
    for _ in range(runs.MAX_ATTEMPTS + 1):
        held = claim(database, run_id)
        with database.write() as session:
            sweeping.give_back_run(session, held, Actor.worker("w1"))
            assert sweeping.list_waiting_runs(session, sent_before_s=60) == [run_id]
    held = claim(database, run_id, lease_s=-1)
    with database.write() as session:
        assert sweeping.take_back_run(session, held, Actor.system("sweeper")).status is TrainingRunStatus.QUEUED


def test_a_lease_that_was_renewed_is_not_taken_back(database: Database) -> None:
    held = claim(database, start(database), lease_s=-1)
    with database.write() as session:
        runs.renew_run(session, held, LEASE_S)
    with pytest.raises(InvalidRunTransition), database.write() as session:
        sweeping.take_back_run(session, held, Actor.system("sweeper"))


def test_a_run_whose_message_is_old_is_listed_for_another(database: Database) -> None:
    run_id = start(database)
    with database.write() as session:
        assert sweeping.list_waiting_runs(session, sent_before_s=5) == []
        session.execute(update(TrainingRun).values(sent_at=SLOT))
        assert sweeping.list_waiting_runs(session, sent_before_s=5) == [run_id]
        sweeping.record_run_sent(session, run_id)
        assert sweeping.list_waiting_runs(session, sent_before_s=5) == []


def test_a_run_that_lacked_a_part_of_the_service_is_tried_again_until_its_attempts_are_used_up(
    database: Database,
) -> None:
    run_id = start(database)
    attempts = read(database, run_id).max_attempts
    for attempt in range(1, attempts + 1):
        held = claim(database, run_id)
        with database.write() as session:
            run = sweeping.retry_run(session, held, Actor.worker("w1"), "blob_store_unavailable", "the store is away")
        assert run.attempt == attempt
        if attempt < attempts:
            assert (run.status, run.worker) == (TrainingRunStatus.QUEUED, None)
    assert (run.status, run.error_code) == (TrainingRunStatus.FAILED, "blob_store_unavailable")
    assert run.error_detail == f"gave up after {attempts} attempts: the store is away"


def test_a_run_that_was_to_be_stopped_is_not_tried_again(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        runs.cancel_run(session, run_id, Actor.user("ben"))
        run = sweeping.retry_run(session, held, Actor.worker("w1"), "blob_store_unavailable", "the store is away")
    assert (run.status, run.reason) == (TrainingRunStatus.CANCELED, "canceled by ben")
