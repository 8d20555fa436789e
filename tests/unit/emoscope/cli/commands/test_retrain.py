import json
import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from typer.testing import CliRunner

from db.core import queues
from db.core.session import Database
from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
from db.training_runs import lifecycle as runs
from db.training_runs.documents import RunProgress
from db.training_runs.tables import TrainingRun
from emoscope.cli.app import app
from emoscope.settings import Settings
from tests.support.factories.model_versions import add_version
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

RUNNER = CliRunner()
POINT = {"epoch": 1, "loss": 0.5, "accuracy": 0.75, "val_loss": 0.6, "val_accuracy": 0.625, "seconds": 7.0}


@pytest.fixture(autouse=True)
def environment(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> pytest.MonkeyPatch:
    for name, value in {**settings.to_environment(), "EMOSCOPE_DATASET_CSV": "faces.csv"}.items():
        monkeypatch.setenv(name, value)
    fresh_settings()
    add_version(database, "v", is_champion=True)
    return monkeypatch


def find_run(database: Database) -> TrainingRun | None:
    with database.read() as session:
        return runs.get_active_run(session)


def test_a_run_is_queued_as_it_was_asked_for(database: Database, valkey: Valkey) -> None:
    done = RUNNER.invoke(app, ["retrain", "--from-scratch", "--epochs", "3", "--no-wait"])
    assert done.exit_code == 0, done.output
    run = find_run(database)
    assert run is not None
    assert (run.trigger, run.options) == (TrainingTrigger.COMMAND, {"from_scratch": True, "epochs": 3})
    assert str(run.id) in done.stderr
    assert "It is compared with version 1 (v)" in " ".join(done.stderr.split())
    with valkey.client() as client:
        assert client.llen(queues.TRAINING_QUEUE) == 1


def test_a_plan_is_told_and_nothing_is_queued(database: Database) -> None:
    done = RUNNER.invoke(app, ["retrain", "--plan", "--from-scratch"])
    assert done.exit_code == 0, done.output
    assert "from fresh weights" in " ".join(done.stdout.split())
    told = RUNNER.invoke(app, ["retrain", "--plan", "--from-scratch", "--json"])
    assert json.loads(told.stdout)["summary"] == [
        line for line in json.loads(told.stdout)["summary"] if line in done.stdout
    ]
    assert RUNNER.invoke(app, ["retrain", "--json"]).exit_code == 2
    assert find_run(database) is None


def test_a_second_run_is_refused_with_a_sentence(database: Database) -> None:
    RUNNER.invoke(app, ["retrain", "--no-wait"])
    refused = RUNNER.invoke(app, ["retrain", "--no-wait"])
    assert (refused.exit_code, "there is one at a time" in " ".join(refused.stderr.split())) == (1, True)


def test_without_a_dataset_nothing_is_queued(
    database: Database, environment: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    environment.delenv("EMOSCOPE_DATASET_CSV")
    fresh_settings()
    refused = RUNNER.invoke(app, ["retrain"])
    assert (refused.exit_code, "EMOSCOPE_DATASET_CSV" in refused.stderr) == (1, True)
    assert find_run(database) is None


@pytest.mark.parametrize(("end", "exit_code"), [(TrainingRunStatus.FAILED, 1), (TrainingRunStatus.CANCELED, 0)])
def test_a_run_is_watched_until_it_has_ended(database: Database, end: TrainingRunStatus, exit_code: int) -> None:
    def work() -> None:
        wait_until(lambda: find_run(database), "the command stores a run")
        with database.write() as session:
            _, claim = runs.claim_run(session, _get_id(database), "test", 60)
            runs.renew_run(session, claim, 60, RunProgress.read({"step": "comparing", "curve": [POINT]}))
            if end is TrainingRunStatus.FAILED:
                runs.fail_run(session, claim, "dataset_invalid", "no rows")
            else:
                runs.finish_cancel(session, claim, "ben")

    worker = threading.Thread(target=work)
    worker.start()
    done = RUNNER.invoke(app, ["retrain"])
    worker.join()
    assert done.exit_code == exit_code, done.output
    assert f"{end}: " in done.stdout
    assert "epoch 1: loss 0.5000, accuracy 0.7500, validation 0.6250, 7 s" in done.stderr
    assert "comparing" in done.stderr


def _get_id(database: Database) -> UUID:
    run = find_run(database)
    assert run is not None
    return run.id
