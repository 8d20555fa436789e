from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from db.core.actors import Actor
from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
from db.training_runs import lifecycle as runs
from tests.support.factories.actors import ANA
from worker.core.services import Services
from worker.retraining.run_folders import clear_run_folders, find_run_dir
from worker.retraining.runner import run_retraining


def start(services: Services) -> UUID:
    with services.database.write() as session:
        return runs.create_run(session, TrainingTrigger.COMMAND, ANA).id


def cancel(services: Services, run_id: UUID) -> None:
    with services.database.write() as session:
        runs.cancel_run(session, run_id, Actor.user("ben"))


def make_folder(services: Services, name: object) -> Path:
    folder = find_run_dir(services, uuid4()).with_name(str(name))
    (folder / "weights-1").mkdir(parents=True)
    (folder / "weights-1" / "best-1.npz").write_bytes(b"weights")
    return folder


def test_a_worker_that_takes_a_run_deletes_what_ended_runs_left(services: Services) -> None:
    """A run that waited, given back by this worker, was canceled; another one isn't known at all."""
    canceled = start(services)
    cancel(services, canceled)
    left = [make_folder(services, canceled), make_folder(services, uuid4())]
    other = make_folder(services, "default-hard-20260101-120000")
    run_id = start(services)
    run_retraining(services, run_id, "test")
    assert not any(folder.exists() for folder in left)
    assert other.exists()
    with services.database.read() as session:
        assert runs.get_run(session, run_id).status is TrainingRunStatus.FAILED  # without a dataset, as here


def test_the_run_in_hand_and_one_that_waits_stay(services: Services) -> None:
    waiting, held = start(services), uuid4()
    folders = [make_folder(services, run_id) for run_id in (waiting, held)]
    clear_run_folders(services, held)
    assert all(folder.exists() for folder in folders)
    clear_run_folders(services, waiting)
    assert [folder.exists() for folder in folders] == [True, False]


def test_a_database_that_is_away_deletes_nothing(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(services, uuid4())

    def fail(_session: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    monkeypatch.setattr("worker.retraining.run_folders.get_active_run", fail)
    with capture_logs() as lines:
        clear_run_folders(services, uuid4())
    assert [line["event"] for line in lines] == ["run_folders_not_cleared"]
    assert folder.exists()
