"""Programs whose pulse no longer moves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emoscope import pulse
from emoscope.stack import frozen
from emoscope.stack.frozen import FrozenPrograms
from tests.support.waiting import wait_until

_BEATS = """
import sys, time
from pathlib import Path
from emoscope.pulse import make_pulse
pulse = make_pulse(Path(sys.argv[1]), "beat")
while True:
    pulse.beat()
    time.sleep(0.02)
"""


def test_the_folder_is_looked_at_every_two_seconds_however_often_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    looks: list[Path] = []
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def look(folder: Path) -> list[pulse.Pulse]:
        looks.append(folder)
        return []

    monkeypatch.setattr(frozen, "list_pulses", look)
    programs = FrozenPrograms(tmp_path)
    for seconds in (100.0, 101.0, 102.5, 104.0, 104.6):
        now[0] = seconds
        assert programs.find([1, 2]) == []
    assert looks == [tmp_path] * 3


def test_of_the_pulses_in_the_folder_only_the_programs_own_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Frozen:
        def __init__(self, found: pulse.Pulse, _frozen_after_s: float) -> None:
            self.found = found

        def is_frozen(self, _now: float) -> bool:
            return True

    class Found:
        def __init__(self, pid: int) -> None:
            self.pid = pid

    monkeypatch.setattr(frozen, "PulseObserver", Frozen)
    monkeypatch.setattr(frozen, "list_pulses", lambda _folder: [Found(7), Found(8)])
    assert FrozenPrograms(tmp_path).find([8, 9]) == [8]


def test_a_stopped_process_is_found_until_it_goes_on(tmp_path: Path) -> None:
    programs = FrozenPrograms(tmp_path, look_every_s=0.02, frozen_after_s=1.0)
    with subprocess.Popen([sys.executable, "-c", _BEATS, str(tmp_path)]) as process:
        try:
            wait_until(lambda: pulse.find_pulse(tmp_path, "beat", process.pid).age_s is not None, "it beats")
            begin = time.monotonic()
            while time.monotonic() < begin + 1.5:  # longer than a process may stand still
                assert programs.find([process.pid]) == []
            os.kill(process.pid, signal.SIGSTOP)
            wait_until(lambda: programs.find([process.pid]) == [process.pid], "it is found")
            os.kill(process.pid, signal.SIGCONT)
            wait_until(lambda: programs.find([process.pid]) == [], "it is left alone")
        finally:
            process.kill()
