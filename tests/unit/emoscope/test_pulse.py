"""Heartbeat files, as seen by other processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emoscope.pulse import FROZEN_AFTER_S, PulseObserver, find_pulse, has_pulse, list_pulses, make_pulse


def test_a_process_has_a_pulse_while_it_beats(tmp_path: Path) -> None:
    pulse = make_pulse(tmp_path, "beat")
    assert not has_pulse(tmp_path, "beat")
    pulse.beat()
    assert has_pulse(tmp_path, "beat")
    assert not has_pulse(tmp_path, "analysis")
    old = time.time() - FROZEN_AFTER_S - 1
    os.utime(pulse.path, (old, old))
    assert not has_pulse(tmp_path, "beat")
    pulse.beat()
    pulse.end()
    assert not has_pulse(tmp_path, "beat")


def test_a_process_that_was_killed_has_no_pulse_and_its_file_goes(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    make_pulse(tmp_path, "training")
    killed = find_pulse(tmp_path, "training", ended.pid)
    killed.beat()
    assert not has_pulse(tmp_path, "training")
    assert list(list_pulses(tmp_path)) == [killed]
    make_pulse(tmp_path, "training")
    assert list(list_pulses(tmp_path)) == []


def test_a_folder_that_cannot_be_made_stops_no_process(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    pulse = make_pulse(tmp_path / "file", "beat")
    pulse.beat()
    assert pulse.age_s is None
    pulse.end()


def test_a_main_process_hangs_once_its_pulse_stood_still(tmp_path: Path) -> None:
    pulse = make_pulse(tmp_path, "analysis")
    watch = PulseObserver(pulse)
    assert not watch.is_frozen(0)
    pulse.beat()
    seconds = range(100)
    assert next(second for second in seconds if watch.is_frozen(float(second))) == FROZEN_AFTER_S
    pulse.beat()
    assert not watch.is_frozen(101)
    pulse.end()
    assert not any(watch.is_frozen(float(second)) for second in range(102, 200))


@pytest.mark.parametrize("step_s", [1.0, 3600.0])
def test_a_machine_that_slept_kills_nothing(tmp_path: Path, step_s: float) -> None:
    pulse = make_pulse(tmp_path, "analysis")
    pulse.beat()
    watch = PulseObserver(pulse)
    assert not watch.is_frozen(0)
    assert not watch.is_frozen(step_s)
