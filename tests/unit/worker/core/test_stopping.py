"""How a worker process hears that it is to stop."""

import os
import signal
import subprocess
import sys

import pytest

from worker.core import stopping

PROGRAM = """
import os, signal, sys
from worker.core import stopping
stopping._listen()
print(stopping.is_stopping(), flush=True)
os.kill(os.getpid(), signal.SIGUSR2)
print(stopping.is_stopping(), flush=True)
"""


def test_the_signal_of_the_main_process_is_heard() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_process_whose_parent_is_gone_stops_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not stopping.is_stopping()
    monkeypatch.setattr(os, "getppid", lambda: stopping._parent + 1)
    assert stopping.is_stopping()


def test_every_worker_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    class Process:
        def __init__(self, pid: int) -> None:
            self.pid = pid

    monkeypatch.setattr("billiard.active_children", lambda: [Process(7), Process(8)])
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append((pid, number)))
    stopping.tell_worker_processes()
    assert told == [(7, signal.SIGUSR2), (8, signal.SIGUSR2)]
