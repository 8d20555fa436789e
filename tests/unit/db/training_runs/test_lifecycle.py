from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import CHAMPION, TrainingRunStatus
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelAlias
from db.training_runs import lifecycle as runs
from db.training_runs.documents import RunProgress
from db.training_runs.lifecycle import TrainingRunActive, UnknownTrainingRun
from db.training_runs.states import InvalidRunTransition
from tests.support.factories.actors import ANA
from tests.support.factories.model_versions import add_version
from tests.support.factories.training_runs import GATE, LEASE_S, SLOT, champion, claim, decide, read, snapshot, start


def test_one_run_waits_or_runs_at_a_time(database: Database) -> None:
    first = start(database)
    with pytest.raises(TrainingRunActive):
        start(database)
    held = claim(database, first)
    with pytest.raises(TrainingRunActive):
        start(database)
    with database.write() as session:
        runs.fail_run(session, held, "dataset_invalid", "no rows")
    assert read(database, start(database)).status is TrainingRunStatus.QUEUED


def test_one_moment_of_the_schedule_starts_one_run(database: Database) -> None:
    first = start(database, slot=SLOT)
    with database.write() as session:
        runs.cancel_run(session, first, ANA)
    with pytest.raises(TrainingRunActive):
        start(database, slot=SLOT)
    start(database)


def test_a_promoted_challenger_is_in_service_with_a_history(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    run_id = start(database)
    held = claim(database, run_id)
    snapshot(database, held, old)
    run = decide(database, held, new, is_promoted=True)
    assert (run.status, run.challenger_id, run.lane, run.reason) == (
        TrainingRunStatus.PROMOTED,
        new.id,
        None,
        "because",
    )
    assert run.finished_at is not None
    assert champion(database) == "new"
    with database.read() as session:
        assert model_versions.list_promotions(session)[0].actor == f"training_run:{run_id}"
        events = list_audit_events(session, AuditFilter(subject=f"training_run:{run_id}"))
    assert [event.action for event in events] == [
        "training_run.promoted", "training_run.running", "training_run.queued",
    ]  # fmt: skip


def test_a_rejected_challenger_is_kept_and_the_champion_stays(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    run = decide(database, held, new, is_promoted=False)
    assert (run.status, run.challenger_id) == (TrainingRunStatus.REJECTED, new.id)
    assert champion(database) == "old"


def test_a_champion_chosen_during_the_run_is_not_replaced(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    add_version(database, "chosen", is_champion=True)
    run = decide(database, held, new, is_promoted=True)
    assert run.status is TrainingRunStatus.REJECTED
    assert "wasn't compared" in str(run.reason)
    assert champion(database) == "chosen"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_nobody_changes_the_champion_while_a_run_is_decided(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    is_champion = select(ModelAlias).where(ModelAlias.alias == CHAMPION).with_for_update(nowait=True)
    with database.write() as session:
        runs.decide_run(session, held, new, is_promoted=False, reason="because", gate=GATE)
        with database.write() as other, pytest.raises(OperationalError, match="could not obtain lock"):
            other.scalar(is_champion)


def test_progress_is_stored_as_it_happens(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        assert runs.renew_run(session, held, LEASE_S, RunProgress(epoch=3, loss=0.5)).is_held
        assert runs.renew_run(session, held, LEASE_S).is_held
    assert RunProgress.read(read(database, run_id).progress) == RunProgress(epoch=3, loss=0.5)


def test_a_waiting_run_is_canceled_at_once(database: Database) -> None:
    run_id = start(database)
    with database.write() as session:
        runs.cancel_run(session, run_id, Actor.user("ben"))
    run = read(database, run_id)
    assert (run.status, run.reason, run.lane) == (TrainingRunStatus.CANCELED, "canceled by ben", None)
    with pytest.raises(InvalidRunTransition):
        claim(database, run_id)
    with pytest.raises(InvalidRunTransition), database.write() as session:
        runs.cancel_run(session, run_id, Actor.user("ben"))


def test_a_running_run_hears_that_it_is_to_stop(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        runs.cancel_run(session, run_id, Actor.user("ben"))
    assert read(database, run_id).status is TrainingRunStatus.RUNNING
    with database.write() as session:
        pulse = runs.renew_run(session, held, LEASE_S)
        assert (pulse.is_held, pulse.canceled_by) == (True, "ben")
        assert runs.finish_cancel(session, held, "ben").status is TrainingRunStatus.CANCELED


@pytest.mark.parametrize("is_promoted", [True, False])
def test_a_run_that_was_asked_to_stop_is_not_decided(database: Database, is_promoted: bool) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    with database.write() as session:
        runs.cancel_run(session, held.run_id, Actor.user("ben"))
    run = decide(database, held, new, is_promoted=is_promoted)
    assert (run.status, run.reason, run.challenger_id) == (TrainingRunStatus.CANCELED, "canceled by ben", new.id)
    assert champion(database) == "old"
    with database.read() as session:
        assert list_audit_events(session, AuditFilter(action="training_run.canceled"))[0].actor == "ben"


def test_runs_are_listed_newest_first_by_pages(database: Database) -> None:
    made = []
    for _ in range(3):
        made.append(start(database))
        with database.write() as session:
            runs.cancel_run(session, made[-1], ANA)
    with database.read() as session:
        assert [run.id for run in runs.list_runs(session, limit=2)] == made[:0:-1]
        assert [run.id for run in runs.list_runs(session, before=made[1])] == made[:1]
        assert runs.get_active_run(session) is None


def test_an_unknown_run_is_said_to_be_unknown(database: Database) -> None:
    with database.read() as session, pytest.raises(UnknownTrainingRun):
        runs.get_run(session, uuid4())
