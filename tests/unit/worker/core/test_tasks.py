"""What a worker does when a task of its own has ended badly."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest

from db.core.vocabulary import TrainingTrigger
from db.training_runs import lifecycle as runs
from db.training_runs.sweeping import list_expired_runs
from emoscope.settings import Settings
from tests.support.factories.actors import ANA
from worker.core import tasks
from worker.core.identity import name_this_process
from worker.core.services import Services


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = Services(settings)
    yield services
    services.redis.close()
    services.database.close()


@pytest.fixture
def sweeps(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows by one with each sweep that is asked for."""
    asked: list[bool] = []
    monkeypatch.setattr(tasks, "find_services", lambda: services)
    monkeypatch.setattr(tasks.sweep, "delay", lambda: asked.append(True))
    return asked


def end_process() -> int:
    """The process id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("holder", "is_expired"),
    [
        pytest.param(lambda: f"{socket.gethostname()}:{end_process()}", True, id="a child that died"),
        pytest.param(name_this_process, True, id="this child, whose task just failed"),
        pytest.param(lambda: f"{socket.gethostname()}:{os.getppid()}", False, id="a child that has the next attempt"),
        pytest.param(lambda: f"elsewhere:{end_process()}", False, id="a child of another machine"),
    ],
)
def test_news_of_a_death_ends_the_lease_of_the_dead_alone(
    services: Services, sweeps: list[bool], *, holder: Callable[[], str], is_expired: bool
) -> None:
    with services.database.write() as session:
        run_id = runs.create_run(session, TrainingTrigger.COMMAND, ANA).id
        runs.claim_run(session, run_id, holder(), lease_s=60)
    tasks.on_task_failure(tasks.retrain, str(run_id))
    with services.database.read() as session:
        assert [claim.run_id for claim in list_expired_runs(session)] == [run_id] * is_expired
    assert sweeps == [True] * is_expired


def test_news_of_another_task_touches_nothing(services: Services, sweeps: list[bool]) -> None:
    tasks.on_task_failure(tasks.sweep, "no id of a job")
    assert sweeps == []


def test_a_main_process_loads_nothing_of_the_database_nor_of_the_work() -> None:
    look = "import sys, worker.core.tasks, worker.core.lifecycle, worker.core.stopping; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "celery" in loaded
    assert not loaded & {
        "sqlalchemy",
        "numpy",
        "cv2",
        "PIL",
        "httpx",
        "worker.housekeeping",
        "worker.analysis",
        "training",
    }


@pytest.mark.parametrize("niceness", [0, 7])
def test_a_training_run_takes_the_priority_that_is_set(
    services: Services, monkeypatch: pytest.MonkeyPatch, niceness: int
) -> None:
    services.settings = services.settings.model_copy(update={"retrain_niceness": niceness})
    raised: list[int] = []
    begun: list[UUID] = []

    def nice(by: int) -> int:
        raised.append(by)
        return sum(raised)

    monkeypatch.setattr(os, "nice", nice)
    monkeypatch.setattr(tasks, "find_services", lambda: services)
    monkeypatch.setattr(
        "worker.retraining.runner.run_retraining", lambda _services, run_id, _name: begun.append(run_id)
    )
    run_id = uuid4()
    tasks.retrain(str(run_id))
    assert (sum(raised), begun) == (niceness, [run_id])
