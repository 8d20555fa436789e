"""A worker process that watches its main process."""

import os
import signal
import threading
from pathlib import Path

import pytest

from emoscope.pulse import find_pulse
from worker.core.parent import ParentWatch, watch_parent


def test_a_main_process_whose_pulse_stands_still_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    pulse = find_pulse(tmp_path, "analysis", 4242)
    parents = iter((4242, 4242, 4242, 1))
    monkeypatch.setattr("os.getppid", lambda: next(parents))
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append((pid, number)))
    watch = ParentWatch(pulse, look_every_s=0)
    frozen = iter((False, True))
    monkeypatch.setattr(watch._observer, "is_frozen", lambda _now: next(frozen))
    watch._run()
    assert killed == [(4242, signal.SIGKILL)]
    assert watch.hangs


def test_the_pulse_looked_at_is_the_main_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()
    monkeypatch.setattr(ParentWatch, "_run", lambda _watch: looked.set())
    watch = watch_parent(tmp_path, "training")
    assert looked.wait(5)
    assert (watch.pulse.pid, watch.pulse.role, watch.hangs) == (os.getppid(), "training", False)
