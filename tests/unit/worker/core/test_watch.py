"""The watch of a worker: what it checks, and how it ends the worker. Whole workers: tests/integration/test_stalled_workers.py."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery.worker import state

from db.core import queues as names
from emoscope.settings import Settings
from worker.core import watch as module
from worker.core.stall import Sight
from worker.core.watch import Watch, WatchStep, _find_busy_limit_s, find_role

IDLE = Sight(waiting=0, free=1, busy=0, moves=0, turns=0)


def make_consumer(*queues: str, processes: int = 2) -> SimpleNamespace:
    amqp = SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues)))
    return SimpleNamespace(app=SimpleNamespace(amqp=amqp), pool=SimpleNamespace(num_processes=processes))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, redis_url=f"unix://{tmp_path}/none.sock")


@pytest.fixture
def watch(settings: Settings) -> Watch:
    return Watch(make_consumer("housekeeping", "callbacks"), settings, look_every_s=0)


@pytest.mark.parametrize(
    ("queues", "role"),
    [
        (["analysis-bulk"], "analysis"),
        (["training"], "training"),
        (["callbacks"], "housekeeping"),
        ([], "housekeeping"),
    ],
)
def test_a_worker_is_called_by_its_queues(queues: list[str], role: str) -> None:
    assert find_role(queues) == role


def test_no_task_may_run_so_long_that_celery_would_not_have_ended_it(settings: Settings) -> None:
    assert _find_busy_limit_s("analysis", settings) > settings.hard_time_limit_s
    assert _find_busy_limit_s("training", settings) > settings.retrain_time_limit_s


def test_what_is_fetched_and_not_begun_waits_too(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "active_requests", {1})
    monkeypatch.setattr(state, "reserved_requests", {1, 2, 3})
    monkeypatch.setattr(watch._queue, "count_messages", lambda queues: 10 * len(queues))
    watch.count_turn()
    sight = watch._see()
    assert (sight.waiting, sight.free, sight.busy, sight.turns) == (22, 1, 1, 1)
    monkeypatch.setattr(watch._queue, "count_messages", lambda _queues: None)
    assert watch._see().waiting is None


def test_a_stall_counts_only_where_the_queue_takes_writes(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_see", lambda: Sight(1, 1, 0, 0, 0))
    monkeypatch.setattr(watch._rule, "find_stall", lambda _sight, _now: "why")
    for can_write, reason in ((True, "why"), (False, None)):
        monkeypatch.setattr(watch._queue, "can_write", lambda can_write=can_write: can_write)
        assert watch._look() == reason
    assert watch._pulse.age_s is not None
    monkeypatch.setattr(state, "should_stop", 0)
    monkeypatch.setattr(watch._queue, "can_write", lambda: True)
    assert watch._look() is None, "it ends already"


def test_a_failed_set_up_ends_the_worker(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[tuple[str, str]] = []
    monkeypatch.setattr(watch, "_look", lambda: None)
    monkeypatch.setattr(watch, "_end", lambda event, reason: ended.append((event, reason)))
    watch._pulse.beat()
    watch._pulse.report_failure("no weights")
    watch._run()
    assert ended == [("worker_cannot_set_up", "no weights")]
    watch.stop()
    assert watch._pulse.age_s is None


def test_the_watch_stays_through_lost_connections(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_settings", lambda: settings)
    started: list[Watch] = []
    monkeypatch.setattr(Watch, "start", lambda made: started.append(made))  # noqa: PLW0108
    consumer = make_consumer("training")
    step = object.__new__(WatchStep)
    step._watch = None
    for _ in range(2):
        step.start(consumer)
        step.stop(consumer)
    assert len(started) == 1


def test_a_worker_on_demand_ends_when_it_has_had_nothing_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(names.END_IDLE_S, "2.5")
    watch = Watch(make_consumer("training", processes=1), settings)
    sights = iter([*[IDLE] * 3, replace(IDLE, busy=1, free=0), *[IDLE] * 3, replace(IDLE, waiting=1), *[IDLE] * 4])
    monkeypatch.setattr(watch, "_see", lambda: next(sights))
    now = [0.0]
    monkeypatch.setattr("worker.core.watch.time.monotonic", lambda: now[0])
    monkeypatch.setattr(state, "should_stop", None)
    seen = 0
    while state.should_stop is None:
        assert watch._look() is None
        seen, now[0] = seen + 1, now[0] + 1
    assert (state.should_stop, seen) == (0, 12)
