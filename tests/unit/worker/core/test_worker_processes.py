"""How worker processes are started. That they work: tests/acceptance."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import cast

import pytest
from billiard import popen_spawn_posix

from emoscope.fork_client import ForkFailed, ForkServer
from worker.core import worker_processes
from worker.core.worker_processes import make_spawn


class Server:
    """Stands for the fork server: notes what it starts until it fails."""

    def __init__(self) -> None:
        self.started: list[tuple[Sequence[str], dict[str, str], Mapping[int, int]]] = []
        self.fails = False
        self.is_gone = False

    def start(self, command: Sequence[str], environment: Mapping[str, str], descriptors: Mapping[int, int]) -> int:
        if self.fails:
            self.is_gone = True
            raise ForkFailed("it has ended")
        self.started.append((command, dict(environment), descriptors))
        return 4711


def test_worker_processes_are_forked_until_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOSCOPE_INTERNAL_ROLE", "analysis")
    server = Server()
    fresh: list[Sequence[str]] = []

    def spawn_fresh(_path: object, command: Sequence[str], _descriptors: Sequence[int]) -> int:
        fresh.append(command)
        return 815

    spawn = make_spawn(cast("ForkServer", server), spawn_fresh)
    assert spawn(b"python", ["python", "-c", "pass"], [5, 9]) == 4711
    [(command, environment, descriptors)] = server.started
    assert (command, descriptors) == (["python", "-c", "pass"], {5: 5, 9: 9})
    assert environment["EMOSCOPE_INTERNAL_ROLE"] == "analysis"
    server.fails = True
    assert [spawn(b"python", ["python"], [5]) for _ in range(2)] == [815, 815]
    assert fresh == [["python"], ["python"]]


def test_a_process_with_threads_keeps_fresh_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise AssertionError("it has forked")

    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    monkeypatch.setattr(os, "fork", fail)
    before = popen_spawn_posix.spawnv_passfds
    worker_processes.fork_analysis_processes()
    assert popen_spawn_posix.spawnv_passfds is before
    done.set()
    thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")
def test_what_is_imported_before_the_fork_survives_it() -> None:
    checks = f"""
import importlib, os, sys
before = os.listdir("/proc/self/fd")
for module in {worker_processes._ANALYSIS_MODULES!r}:
    importlib.import_module(module)
from emoscope.fork_server import check_single_thread
check_single_thread()
assert os.listdir("/proc/self/fd") == before, "something is open"
print(*[name for name in ("tensorflow", "ai_edge_litert.interpreter", "db.core.messages") if name in sys.modules])
"""
    said = subprocess.run(
        [sys.executable, "-c", checks],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert said.stdout == "\n"
