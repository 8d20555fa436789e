"""What the processes of the one-machine stack are started with, and how they are stopped."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emoscope.settings import Settings
from emoscope.stack import processes
from emoscope.stack.processes import Processes
from tests.support.waiting import wait_until

SHOW = """
import json, os
folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
print(json.dumps({"folder": folder, "files": os.listdir(folder) if folder else None}))
"""


@pytest.mark.parametrize("is_set_outside", [False, True])
def test_the_api_counts_in_an_empty_folder_of_the_stack_and_the_others_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_set_outside: bool
) -> None:
    """Real processes, which write down what they were given."""
    command = [sys.executable, "-c", SHOW]
    monkeypatch.setattr(processes, "list_commands", lambda _settings: {"api": command, "worker": command})
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    if is_set_outside:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    for name in ("logs", "metrics"):
        (settings.data_dir / name).mkdir(parents=True)
    (settings.data_dir / "metrics" / "counter_4711.db").write_bytes(b"of an earlier start")
    started = Processes(settings)
    with contextlib.ExitStack() as cleanup:
        started.start(cleanup)
        for process in started._running.values():
            process.wait(30)
    api, worker = (json.loads((settings.data_dir / "logs" / f"{name}.log").read_text()) for name in ("api", "worker"))
    assert api == {"folder": str(settings.data_dir / "metrics"), "files": []}
    assert worker["folder"] == (str(tmp_path) if is_set_outside else None)


Start = Callable[..., tuple[Processes, contextlib.ExitStack]]

# Each ends when it is told to, and says when; one that has a friend ends only when that one has been told too.
ENDS = """
import pathlib, signal, sys, time
def end(*_):
    print(time.monotonic_ns(), flush=True)
    while len(sys.argv) > 1 and not pathlib.Path(sys.argv[1]).read_text().strip().partition("ready")[2]:
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    signal.pause()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start programs as the stack's processes, by name, and wait until they run. Closing what is returned stops them."""
    running: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as cleanup:  # closing it twice does no harm

        def start(**programs: list[str]) -> tuple[Processes, contextlib.ExitStack]:
            commands = {name: [sys.executable, "-S", "-c", *program] for name, program in programs.items()}
            monkeypatch.setattr(processes, "list_commands", lambda _settings: commands)
            (tmp_path / "logs").mkdir()
            started = Processes(Settings(_env_file=None, data_dir=tmp_path))
            started.start(cleanup)
            running.extend(started._running.values())
            logs = [tmp_path / "logs" / f"{name}.log" for name in commands]
            wait_until(lambda: all(log.read_text() for log in logs), "all run")
            return started, cleanup

        yield start
        for process in running:  # those that a claim has left
            process.kill()


def find_statuses(started: Processes) -> dict[str, int | None]:
    return {name: process.returncode for name, process in started._running.items()}


def test_every_process_is_stopped_at_some_time() -> None:
    commands = processes.list_commands(Settings(_env_file=None))
    assert sorted(commands) == sorted(name for together in processes._STOP_ORDER for name in together)


def test_beat_is_stopped_before_the_workers_and_the_api_after_them(tmp_path: Path, start: Start) -> None:
    names = ("api", "worker", "housekeeper", "trainer", "beat")
    started, cleanup = start(**{name: [ENDS] for name in names})
    cleanup.close()
    assert find_statuses(started) == dict.fromkeys(names, 0)
    told = {name: int((tmp_path / "logs" / f"{name}.log").read_text().split()[1]) for name in names}
    order = sorted(names, key=told.__getitem__)
    assert (order[0], order[-1]) == ("beat", "api")


def test_those_that_work_together_are_told_together(tmp_path: Path, start: Start) -> None:
    """So that stopping takes as long as the slowest, not as all of them."""
    worker, trainer = (str(tmp_path / "logs" / f"{name}.log") for name in ("worker", "trainer"))
    started, cleanup = start(worker=[ENDS, trainer], trainer=[ENDS, worker])
    cleanup.close()
    assert find_statuses(started) == {"worker": 0, "trainer": 0}


def test_a_process_that_does_not_end_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_STOP_TIMEOUT_S", 0.1)
    started, cleanup = start(worker=[DEAF], api=[ENDS])
    cleanup.close()
    assert find_statuses(started) == {"worker": -signal.SIGKILL, "api": 0}


def test_stopping_ends_even_where_the_end_of_a_process_cannot_be_seen(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that an interrupt has left taken stands for whatever keeps a process from being waited for."""
    for timeout in ("_STOP_TIMEOUT_S", "_KILL_TIMEOUT_S"):
        monkeypatch.setattr(processes, timeout, 0.1)
    started, cleanup = start(worker=[ENDS], api=[ENDS])
    lock = started._running["worker"]._waitpid_lock  # type: ignore[attr-defined]
    with lock:
        cleanup.close()
        assert find_statuses(started) == {"worker": None, "api": 0}
    assert started._running["worker"].wait(30) in {0, -signal.SIGKILL}
