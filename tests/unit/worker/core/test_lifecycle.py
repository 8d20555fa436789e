"""Start and end of worker processes."""

import os
from types import SimpleNamespace

import pytest

from worker.analysis import process
from worker.core import lifecycle


def start_main(*queues: str) -> str:
    app = SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues))))
    lifecycle.remember_role(SimpleNamespace(app=app))
    return os.environ[lifecycle._ROLE]


@pytest.fixture(autouse=True)
def no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lifecycle._ROLE, "")


@pytest.mark.parametrize(
    ("queues", "role"),
    [
        (("analysis", "analysis-bulk"), "analysis"),
        (("training",), "training"),
        (("housekeeping", "callbacks"), "housekeeping"),
    ],
)
def test_worker_processes_hear_what_they_are_for(queues: tuple[str, ...], role: str) -> None:
    assert start_main(*queues) == role


def test_only_a_process_that_analyses_loads_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    obeyed: list[object] = []
    monkeypatch.setattr(lifecycle, "watch_parent", lambda _folder, role: role)
    monkeypatch.setattr(process, "current_process", lambda: SimpleNamespace(set_parent=obeyed.append))
    for queue in ("housekeeping", "training", "analysis"):
        start_main(queue)
        lifecycle.warm_up()
    assert obeyed == ["analysis"]


def test_a_process_that_never_loaded_says_no_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    start_main("analysis")
    stopped: list[bool] = []

    def current_process() -> SimpleNamespace:
        return SimpleNamespace(stop=lambda: stopped.append(True))

    for size in (0, 1):
        current_process.cache_info = lambda size=size: SimpleNamespace(currsize=size)  # type: ignore[attr-defined]
        monkeypatch.setattr(process, "current_process", current_process)
        lifecycle.report_stop()
    assert stopped == [True]
