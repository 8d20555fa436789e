"""Programs of the one-machine stack are killed; the stack recovers, and no job is lost.

`make test-kills` kills each of them in turn, a hundred times in all, and expects the stack to be ready within ten seconds each
time.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoscope.pulse import FROZEN_AFTER_S
from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from emoscope_client.address import Address
from tests.acceptance.conftest import QUICK, Service, find_free_port
from tests.acceptance.kills import GIVE_UP_S, Kills, run_kills
from tests.chaos.batch import count_faces, run_batch
from tests.chaos.faults import Faults
from tests.chaos.schedule import Fault
from tests.chaos.world import World
from tests.support.waiting import wait_until

FEW = 3
COUNT = int(os.environ.get("TEST_KILLS", FEW))
LIMIT_S = 10 if COUNT > FEW else 60
"""Beside other tests everything takes longer."""


@pytest.fixture(scope="module")
def own_service(short_tmp: Path) -> Iterator[Service]:
    given = {**QUICK, "rate_limit": "", "data_dir": short_tmp / "kills", "port": find_free_port()}
    settings = Settings(_env_file=None, **given)  # type: ignore[arg-type]
    with Stack(settings, lambda _step: None) as stack:
        service = Service(stack)
        yield service
        service.close()


@pytest.mark.timeout(120 + 30 * COUNT)
def test_the_stack_is_back_after_each_kill_and_loses_no_job(
    own_service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = Kills(own_service)

    def note(line: str) -> None:
        if COUNT > FEW:
            with capsys.disabled():
                print(line, flush=True)

    run_kills(kills, COUNT, note)
    kills.check_all_done()
    for name, times_s in sorted(kills.times_s.items()):
        note(
            f"{name}: {len(times_s)} kills, back after {sum(times_s) / len(times_s):.1f} s, longest {max(times_s):.1f} s"
        )
    note(f"{len(kills.jobs)} jobs accepted, all succeeded")
    assert sum(map(len, kills.times_s.values())) == COUNT
    assert max(max(times_s) for times_s in kills.times_s.values()) < LIMIT_S


# Connections whose other end was killed are closed when they are collected.
@pytest.mark.usefixtures("late_sockets")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(300)
def test_a_batch_filled_while_processes_are_killed_is_complete(own_service: Service) -> None:
    """`make chaos-batch` does the same with 10,000 photos."""
    world = World(
        Address(own_service.url, own_service.api_key), own_service.settings, own_service.database, None, None, None
    )
    schedule = [Fault(0.2, "api process", 0, 1), Fault(0.8, "worker process", 0, 1), Fault(1.5, "queue killed", 0, 1)]
    report = run_batch(world.client, world.database, 170, schedule, Faults(world).do, print)
    assert report.wrong == []
    assert set(report.kills) == {"api process", "worker process", "queue killed"}
    assert (report.counts["succeeded"], report.faces, report.event_ids) == (170, count_faces(170), 1)


@pytest.mark.timeout(600)
@pytest.mark.skipif(COUNT <= FEW, reason="a process that stands still is noticed after 20 seconds: `make test-kills`")
@pytest.mark.parametrize("name", ["beat", "housekeeper", "worker", "api", "valkey"])
def test_a_stopped_process_is_killed_and_restarted(own_service: Service, name: str) -> None:
    kills = Kills(own_service)
    before, begin = kills.find(name), time.monotonic()
    assert before.pid is not None
    os.kill(before.pid, signal.SIGSTOP)
    wait_until(lambda: kills.find(name).pid not in {None, before.pid}, f"{name} runs again", GIVE_UP_S)
    assert FROZEN_AFTER_S - 2 < time.monotonic() - begin < FROZEN_AFTER_S + LIMIT_S
    kills.submit()
    kills.check_all_done()
