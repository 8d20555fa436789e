"""Detection of stalled workers."""

from collections.abc import Callable

import pytest

from worker.core.stall import STALLED_AFTER_S, Sight, StallRule

BUSY_LIMIT_S = 100.0
FREE = Sight(waiting=3, free=2, busy=0, moves=7, turns=0)
BUSY = Sight(waiting=3, free=0, busy=2, moves=7, turns=0)


def find_stall(see: Callable[[int], Sight], seconds: int = 200) -> tuple[int, str] | None:
    """After how many seconds the worker counts as stalled, and why."""
    rule = StallRule(BUSY_LIMIT_S)
    for second in range(seconds):
        if reason := rule.find_stall(see(second), float(second)):
            return second, reason
    return None


def turning(sight: Sight, second: int, **changes: int | None) -> Sight:
    values = {name: getattr(sight, name) for name in ("waiting", "free", "busy", "moves")}
    return Sight(**values | {"turns": second} | changes)


def test_a_free_worker_that_begins_with_nothing_is_stalled() -> None:
    assert find_stall(lambda second: turning(FREE, second)) == (
        STALLED_AFTER_S,
        "3 messages wait, 2 could be begun, and none was for 20 s",
    )


def test_a_standing_event_loop_is_a_stall_whatever_waits() -> None:
    found = find_stall(lambda _: Sight(waiting=0, free=0, busy=2, moves=7, turns=1))
    assert found == (STALLED_AFTER_S, "its event loop hasn't turned for 20 s")


def test_tasks_that_never_end_are_a_stall_in_the_end() -> None:
    found = find_stall(lambda second: turning(BUSY, second))
    assert found == (BUSY_LIMIT_S, "3 messages wait, and none of 2 tasks has ended for 100 s")


@pytest.mark.parametrize(
    "see",
    [
        pytest.param(lambda second: turning(FREE, second, moves=second // 15), id="it takes one now and then"),
        pytest.param(lambda second: turning(FREE, second, waiting=int(second % 15 > 0)), id="nothing waits at times"),
        pytest.param(lambda second: turning(FREE, second, waiting=None if second % 15 == 0 else 3), id="away at times"),
        pytest.param(lambda _: Sight(waiting=None, free=2, busy=0, moves=7, turns=0), id="the queue is away"),
        pytest.param(lambda second: turning(FREE, second, free=0), id="its processes are starting"),
        pytest.param(lambda second: turning(BUSY, second, moves=second // 90), id="it is busy"),
        pytest.param(lambda second: turning(BUSY, second, waiting=0), id="it is busy and nothing waits"),
    ],
)
def test_a_worker_that_is_not_stalled_is_left_alone(see: Callable[[int], Sight]) -> None:
    assert find_stall(see) is None


def test_time_in_which_the_watch_itself_stood_still_counts_little() -> None:
    """Of a machine that slept, or a process that was stopped and goes on."""
    rule = StallRule(BUSY_LIMIT_S)
    assert rule.find_stall(FREE, 0) is None
    assert rule.find_stall(FREE, 3600) is None
    assert rule.find_stall(turning(FREE, 1, moves=8), 3601) is None
