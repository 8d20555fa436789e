"""The containers' health check, on the files that the processes touch."""

import os
import resource
import socket
import subprocess
from pathlib import Path

import pytest

from emoscope.pulse import Pulse, make_pulse

SCRIPT = Path(__file__).parents[3] / "deploy/images/healthy"


@pytest.fixture
def pulse(tmp_path: Path) -> Pulse:
    made = make_pulse(tmp_path, "analysis")
    made.beat()
    return made


def check(folder: Path, *words: str) -> bool:
    environment = {**os.environ, "EMOSCOPE_DATA_DIR": str(folder), "HOSTNAME": socket.gethostname()}
    return subprocess.run(["bash", str(SCRIPT), *words], env=environment, check=False, timeout=20).returncode == 0


def test_a_process_that_moves_is_alive_and_one_that_hangs_or_ended_is_not(tmp_path: Path, pulse: Pulse) -> None:
    assert check(tmp_path, "live", "analysis")
    assert not check(tmp_path, "live", "beat")
    os.utime(pulse.path, (1, 1))
    assert not check(tmp_path, "live", "analysis")
    pulse.beat()
    pulse.end()
    assert not check(tmp_path, "live", "analysis")


def test_a_worker_is_ready_with_a_ready_process_that_runs(tmp_path: Path, pulse: Pulse) -> None:
    assert not check(tmp_path, "ready", "analysis")
    pulse.mark_ready(os.getpid(), is_ready=True)
    assert check(tmp_path, "ready", "analysis")
    pulse.mark_ready(os.getpid(), is_ready=False)
    pulse.mark_ready(4_194_000, is_ready=True)
    assert not check(tmp_path, "ready", "analysis"), "the process of the mark has ended"
    assert check(tmp_path, "ready", "housekeeping") is check(tmp_path, "live", "housekeeping")


def test_a_check_costs_a_small_part_of_what_an_interpreters_start_does(tmp_path: Path, pulse: Pulse) -> None:
    pulse.mark_ready(os.getpid(), is_ready=True)
    costs = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert check(tmp_path, "ready", "analysis")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(costs) < 0.03, "seconds of processor time; it was 1.3 when a check started Python"


def test_an_api_that_does_not_answer_is_not_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("EMOSCOPE_PORT", str(taken.getsockname()[1]))
        assert not check(tmp_path, "live", "api")
