"""A worker that takes no message while messages wait is restarted; one that is busy, or whose queue is down, isn't."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from db.core import migrate
from db.core.session import Database
from tests.support.waiting import wait_until
from tests.support.workers import Workers, run_workers

POOLS = {"processes": ("-c", "2"), "threads": ("-P", "threads", "-c", "2")}


@pytest.fixture
def workers(short_tmp: Path, request: pytest.FixtureRequest) -> Iterator[Workers]:
    with run_workers(short_tmp / f"stall-{abs(hash(request.node.name))}") as workers:
        yield workers


@pytest.mark.parametrize("pool", ["processes", pytest.param("threads", marks=pytest.mark.long)])
def test_a_busy_worker_continues_after_an_outage_of_its_queue(workers: Workers, pool: str) -> None:
    worker = workers.start_worker(*POOLS[pool])
    workers.send(1, 2, 3, 4)
    wait_until(lambda: workers.have_begun(1, 2), "both processes are busy")
    wait_until(lambda: workers.queue.llen("waiting") == 0, "it has fetched what goes next")
    workers.valkey.stop()
    workers.open_gate()
    wait_until(lambda: workers.are_done(1, 2), "it has ended what it had in hand")
    workers.valkey.start()
    workers.send(*range(10, 20))
    wait_until(lambda: workers.are_done(*range(10, 20)), "it takes what comes", 30)
    assert worker.poll() is None


@pytest.mark.parametrize(
    ("fault", "pool"),
    [
        ("deaf", "processes"),
        pytest.param("deaf", "threads", marks=pytest.mark.long),
        pytest.param("hanging", "processes", marks=pytest.mark.long),
    ],
)
def test_a_worker_that_takes_no_message_exits_and_another_continues(workers: Workers, fault: str, pool: str) -> None:
    worker = workers.start_worker(*POOLS[pool], EMOSCOPE_TEST_FAULT=fault)
    workers.open_gate()
    workers.send(1)
    wait_until(lambda: "worker_stalled" in workers.read_log(), "it is noticed", 180)
    wait_until(lambda: worker.poll() is not None, "it has ended", 60)
    assert worker.returncode == 1
    assert not [each for each in psutil.process_iter() if each.ppid() == worker.pid]
    workers.start_worker(*POOLS[pool])
    workers.send(2)
    wait_until(lambda: workers.are_done(2), "another goes on")


def test_a_stopped_main_process_is_killed_by_its_worker_processes(workers: Workers) -> None:
    worker = workers.start_worker("-c", "1")
    workers.open_gate()
    workers.send(1)
    wait_until(lambda: workers.are_done(1), "it works")
    os.kill(worker.pid, signal.SIGSTOP)
    wait_until(lambda: worker.poll() is not None, "it was killed", 180)
    assert worker.returncode == -signal.SIGKILL
    assert "main_process_hangs" in workers.read_log()


def test_a_beat_that_sends_nothing_exits(workers: Workers) -> None:
    beat = workers.start("beat", "--pidfile=", EMOSCOPE_TEST_FAULT="mute", EMOSCOPE_SWEEP_INTERVAL_S="1")
    wait_until(lambda: beat.poll() is not None, "it has ended", 180)
    assert beat.returncode == 1
    assert "beat_stalled" in workers.read_log()


def test_a_worker_whose_weights_are_missing_ends_with_the_reason(workers: Workers) -> None:
    database = Database(workers.settings.effective_database_url)
    migrate.upgrade(database)
    database.close()
    worker = workers.start("worker", "-n", "analysis@%h", "-Q", "analysis", "-c", "1", EMOSCOPE_DETECTOR="yunet")
    wait_until(lambda: worker.poll() is not None, "it has ended", 180)
    assert worker.returncode == 1
    [line] = [line for line in workers.read_log().splitlines() if "worker_cannot_set_up" in line]
    assert "EMOSCOPE_YUNET_WEIGHTS" in line
