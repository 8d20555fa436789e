"""What each role is started with. Whole workers: tests/acceptance."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from db.core import queues
from worker.core import run, worker_processes


class Programs:
    """Stands for the Celery application: notes with what its programs are made."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def Worker(self, **options: Any) -> SimpleNamespace:  # noqa: N802 - Celery's name
        self.made |= options
        return SimpleNamespace(start=lambda: None, exitcode=3)

    def Beat(self, **options: Any) -> SimpleNamespace:  # noqa: N802 - Celery's name
        self.made = options
        return SimpleNamespace(run=lambda: None)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    made = Programs()
    monkeypatch.setitem(sys.modules, "worker.core.app", SimpleNamespace(app=made))
    monkeypatch.setattr(worker_processes, "fork_analysis_processes", lambda: made.made.update(forks=True))
    return made


@pytest.mark.parametrize(
    ("role", "read", "pool", "concurrency"),
    [
        ("analysis", [queues.ANALYSIS_QUEUE, queues.BULK_QUEUE], None, None),
        ("housekeeping", [queues.HOUSEKEEPING_QUEUE, queues.CALLBACK_QUEUE], "threads", 16),
        ("training", [queues.TRAINING_QUEUE], None, 1),
    ],
)
def test_a_role_reads_its_queues(
    programs: Programs, role: str, read: list[str], pool: str | None, concurrency: int | None
) -> None:
    assert run.main([role, "--log-level", "DEBUG"]) == 3
    made = programs.made
    assert (made["queues"], made.get("pool_cls"), made.get("concurrency")) == (read, pool, concurrency)
    assert made.get("forks", False) == (role == "analysis")
    assert made["hostname"].startswith(f"{role}@")
    assert made["loglevel"] == "DEBUG"


def test_beat_is_no_worker(programs: Programs) -> None:
    assert run.main(["beat"]) == 0
    assert programs.made == {"loglevel": "INFO"}


def test_a_role_that_is_none_is_refused(programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["painting"])
    assert "invalid choice" in capsys.readouterr().err
    assert not programs.made
