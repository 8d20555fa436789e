"""Metrics keep counting on a full disk and without their folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.full_disk import small_disk

COUNT = """
import sys
from pathlib import Path
from api.monitoring.metrics_routes import RequestMetrics
metrics = RequestMetrics()
for number in range(int(sys.argv[1])):
    metrics.count("GET", f"/v1/jobs/{number}", 200, 0.1)
if len(sys.argv) > 2:
    try:
        with Path(sys.argv[2]).open("ab", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
    except OSError:
        pass
for number in range(1000):
    metrics.count("GET", f"/v1/runs/{number}", 200, 0.1)
text = metrics.render().decode()
print(text.count('emoscope_http_requests_total{method="GET"'))
"""


def count(folder: Path, *arguments: str) -> int:
    """In a process of its own: one that is killed by SIGBUS must not take the tests with it."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *arguments],
        env={"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout.splitlines()[-1])


def test_counts_of_files_are_all_there(tmp_path: Path) -> None:
    assert count(tmp_path, "10") == 1010


@pytest.mark.parametrize("before", [0, 10])
def test_a_disk_that_fills_kills_nobody(tmp_path: Path, before: int) -> None:
    with small_disk(tmp_path / "disk", 2) as disk:
        assert count(disk.folder, str(before), str(disk.folder / "filler")) >= before


def test_a_disk_that_is_full_from_the_start_kills_nobody(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2) as disk:
        disk.fill()
        assert count(disk.folder, "0") >= 0


def test_a_folder_that_is_missing_fails_no_request(tmp_path: Path) -> None:
    assert count(tmp_path / "missing", "1") == 1001
