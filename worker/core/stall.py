"""When a worker counts as stalled: it takes nothing while messages wait for it. How that came about doesn't matter."""

from dataclasses import dataclass

from emoscope.stillness import Stillness

STALLED_AFTER_S = 20.0
"""A free worker begins with a message within milliseconds, on a busy machine within a few seconds."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a worker at one moment.

    waiting: messages in its queues, and those that it fetched and hasn't begun with; None if the queue doesn't answer.
    free: worker processes or threads that could begin with one.
    busy: those that are at work.
    moves: grows with each message taken and each task begun.
    turns: grows with each turn of the event loop.
    """

    waiting: int | None
    free: int
    busy: int
    moves: int
    turns: int


class StallRule:
    """Judges a worker by what is seen of it every few seconds."""

    def __init__(self, busy_limit_s: float) -> None:
        """busy_limit_s: seconds for which all of a worker's tasks may run on without one of them ending."""
        self._busy_limit_s = busy_limit_s
        self._taking = Stillness()
        self._turning = Stillness()
        self._working = Stillness()

    def find_stall(self, sight: Sight, now: float) -> str | None:
        """Why the worker is stalled, or None. now: seconds of a monotonic clock.

        A worker whose queue is away is not stalled, nor one that is busy, nor one whose processes are still starting.
        """
        if sight.waiting is None:
            self.reset()
            return None
        if self._turning.look(sight.turns, now) >= STALLED_AFTER_S:
            return f"its event loop hasn't turned for {self._turning.seconds:.0f} s"
        if not sight.waiting:
            self._taking.reset()
            self._working.reset()
            return None
        if not sight.free:
            self._taking.reset()
        elif self._taking.look(sight.moves, now) >= STALLED_AFTER_S:
            return f"{sight.waiting} messages wait, {sight.free} could be begun, and none was for {self._taking.seconds:.0f} s"
        if not sight.busy or sight.free:
            self._working.reset()
        elif self._working.look(sight.moves, now) >= self._busy_limit_s:
            return f"{sight.waiting} messages wait, and none of {sight.busy} tasks has ended for {self._working.seconds:.0f} s"
        return None

    def reset(self) -> None:
        """Measure anew, as when the queue comes back."""
        for each in (self._taking, self._turning, self._working):
            each.reset()
