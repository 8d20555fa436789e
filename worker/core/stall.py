"""Detects stalled workers: they take no message while messages wait, for whatever cause."""

from dataclasses import dataclass

from emoscope.stillness import Stillness

STALLED_AFTER_S = 20.0
"""A free worker starts a message within milliseconds, on a busy machine within a few seconds."""


@dataclass(frozen=True, slots=True)
class Sight:
    """State of a worker at one moment.

    waiting: messages in its queues, and prefetched ones not yet started; None if the queue doesn't answer.
    free: worker processes or threads that could start one.
    busy: those that are working.
    moves: increases with each message taken and each task started.
    turns: increases with each turn of the event loop.
    """

    waiting: int | None
    free: int
    busy: int
    moves: int
    turns: int


class StallRule:
    """Decides from samples every few seconds whether a worker is stalled."""

    def __init__(self, busy_limit_s: float) -> None:
        """busy_limit_s: seconds for which all of a worker's tasks may run without one ending."""
        self._busy_limit_s = busy_limit_s
        self._taking = Stillness()
        self._turning = Stillness()
        self._working = Stillness()

    def find_stall(self, sight: Sight, now: float) -> str | None:
        """Return why the worker is stalled, or None. now: monotonic time in seconds.

        A worker whose queue is down isn't stalled, nor a busy one, nor one whose processes are still starting.
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
        """Start over, for example when the queue is back."""
        for each in (self._taking, self._turning, self._working):
            each.reset()
