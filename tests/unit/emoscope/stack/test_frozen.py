"""Programs whose pulse no longer moves."""

from pathlib import Path

import pytest

from emoscope.stack import frozen
from emoscope.stack.frozen import FrozenPrograms
from worker.core import pulse


def test_the_folder_is_looked_at_every_two_seconds_however_often_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looks = [100.0], []
    monkeypatch.setattr(frozen.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(frozen, "list_pulses", lambda folder: looks.append(folder) or [])
    programs = FrozenPrograms(tmp_path)
    for seconds in (100.0, 101.0, 102.5, 104.0, 104.6):
        now[0] = seconds
        assert programs.find([1, 2]) == []
    assert looks == [tmp_path] * 3


def test_of_the_pulses_in_the_folder_only_the_programs_own_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Frozen:
        def __init__(self, found: pulse.Pulse) -> None:
            self.found = found

        def is_frozen(self, _now: float) -> bool:
            return True

    class Found:
        def __init__(self, pid: int) -> None:
            self.pid = pid

    monkeypatch.setattr(frozen, "PulseObserver", Frozen)
    monkeypatch.setattr(frozen, "list_pulses", lambda _folder: [Found(7), Found(8)])
    assert FrozenPrograms(tmp_path).find([8, 9]) == [8]
