"""The worker's options, as Celery applies them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery.bin.base import CLIContext
from celery.bin.worker import worker
from celery.utils import sysinfo

from emoscope.settings import Settings
from worker.core import gpus
from worker.core.app import make_celery

COUNT = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from worker.core.app import app
print(app.WorkController().concurrency)
"""


def count_children(settings: Settings, *arguments: str) -> int:
    """Children of a worker with these arguments on its command line. It is set up, not started."""
    app = make_celery(settings)
    try:
        obj = CLIContext(app=app, no_color=True, workdir=None)
        options = worker.make_context("worker", list(arguments), obj=obj).params
        return int(app.WorkController(concurrency=options["concurrency"]).concurrency)
    finally:
        app.close()


def test_a_worker_has_as_many_children_as_the_settings_say() -> None:
    assert count_children(Settings(_env_file=None, worker_processes=3)) == 3


def test_the_command_line_counts_more_than_the_settings() -> None:
    assert count_children(Settings(_env_file=None, worker_processes=3), "-c", "2") == 2


def test_without_a_setting_a_worker_has_a_child_a_core_that_it_may_use() -> None:
    assert count_children(Settings(_env_file=None)) == len(os.sched_getaffinity(0))
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "1\n"


@pytest.mark.parametrize(("quota", "processes"), [(0.5, 1), (1.5, 2), (None, 4)])
def test_a_container_that_is_granted_less_than_its_cores_has_fewer_children(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, processes: int
) -> None:
    monkeypatch.setattr(sysinfo, "available_cpu_count", lambda: 4)
    monkeypatch.setattr(sysinfo, "cgroup_cpu_quota", lambda: quota)
    assert count_children(Settings(_env_file=None)) == processes


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with an NVIDIA card within reach, which nothing here uses."""
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(gpus, "NVIDIA_DEVICE", tmp_path / "nvidiactl")
    monkeypatch.setattr(gpus, "CUDNN", "libc.so.6")  # any that loads
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(("cores", "processes"), [(16, 4), (2, 2)])
def test_a_few_children_share_a_card_where_they_use_one(
    monkeypatch: pytest.MonkeyPatch, cores: int, processes: int
) -> None:
    monkeypatch.setattr(sysinfo, "available_cpu_count", lambda: cores)
    assert count_children(Settings(_env_file=None)) == processes
    assert count_children(Settings(_env_file=None, runtime="litert")) == cores
    assert count_children(Settings(_env_file=None, worker_processes=9)) == 9


@pytest.mark.usefixtures("card")
def test_the_libraries_of_a_card_do_not_count_as_growth() -> None:
    def find_limit_kb(**given: Any) -> int | None:
        limit_kb: int | None = make_celery(Settings(_env_file=None, **given)).conf.worker_max_memory_per_child
        return limit_kb

    assert find_limit_kb(runtime="litert") == 1_500_000
    assert find_limit_kb() == 5_500_000
    assert find_limit_kb(worker_max_memory_mb=2000) == 6_000_000
    assert find_limit_kb(worker_max_memory_mb=0) is None
