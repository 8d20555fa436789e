"""Starting a run: planned, queued, committed, then sent."""

from uuid import UUID

import pytest

from db.accounts.audit_log import list_audit_events
from db.core.session import Database
from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
from db.training_runs import lifecycle as runs
from db.training_runs.actions import start_run
from db.training_runs.lifecycle import TrainingRunActive
from db.training_runs.plan import DatasetFiles, PlanImpossible
from tests.support.factories.actors import ANA
from tests.support.factories.model_versions import add_version

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

CSV = DatasetFiles(has_csv=True, has_votes=False)


def test_the_message_follows_the_commit(database: Database) -> None:
    add_version(database, "first", is_champion=True)
    seen: list[TrainingRunStatus] = []

    def send(run_id: UUID) -> None:
        with database.read() as session:
            seen.append(runs.get_run(session, run_id).status)

    started = start_run(database, send, CSV, TrainingTrigger.API, ANA, epochs=3)
    assert seen == [TrainingRunStatus.QUEUED]
    assert (started.run.trigger, started.run.options, started.plan.labels) == (
        TrainingTrigger.API, {"from_scratch": False, "epochs": 3}, "hard",
    )  # fmt: skip
    with database.read() as session:
        assert [event.actor for event in list_audit_events(session) if event.action.startswith("training_run.")] == [
            "ana"
        ]


def test_what_cannot_be_planned_or_would_be_a_second_run_is_not_sent(database: Database) -> None:
    sent: list[UUID] = []
    with pytest.raises(PlanImpossible):
        start_run(database, sent.append, DatasetFiles(has_csv=False, has_votes=False), TrainingTrigger.API, ANA)
    add_version(database, "first", is_champion=True)
    start_run(database, sent.append, CSV, TrainingTrigger.API, ANA)
    with pytest.raises(TrainingRunActive):
        start_run(database, sent.append, CSV, TrainingTrigger.API, ANA)
    assert len(sent) == 1
