"""Twelve seconds of faults. `make chaos` runs for minutes, with more seeds and on PostgreSQL too."""

from pathlib import Path

import pytest

from tests.chaos.run import run_chaos
from tests.chaos.schedule import KILLS, OTHERS, POSTGRESQL, make_schedule
from tests.chaos.world import Shape


# Connections whose other end was killed are closed when they are collected.
@pytest.mark.usefixtures("late_sockets")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(600)
def test_no_job_is_lost_while_processes_are_killed_and_disks_fill(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run_chaos(
        short_tmp / "chaos", seed=1, seconds=12, jobs=24, is_postgresql=False, shape=Shape.UP, note=print
    )
    assert report.outcome.is_good, (report, capsys.readouterr().out)
    assert report.outcome.jobs >= 24
    assert sum(report.faults.values()) >= 2


def test_a_seed_determines_the_faults_and_their_times() -> None:
    first, again = (make_schedule(7, 240, is_postgresql=True) for _ in range(2))
    assert first == again
    assert first != make_schedule(8, 240, is_postgresql=True)
    kinds = {fault.kind for fault in first}
    assert kinds == {*KILLS, *OTHERS, *POSTGRESQL}
    assert "postgresql killed" not in {fault.kind for fault in make_schedule(7, 240, is_postgresql=False)}
