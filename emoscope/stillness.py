"""Measures how long something hasn't changed."""

from collections.abc import Hashable

_MOST_STEP_S = 5.0
"""Maximum seconds that count between two observations. The observer may have been stopped itself."""


class Stillness:
    """Measures for how long a value hasn't changed, excluding time in which the observer was stopped."""

    def __init__(self) -> None:
        self._value: Hashable = None
        self._looked_at: float | None = None
        self.seconds = 0.0
        """Seconds for which the value hasn't changed."""

    def look(self, value: Hashable, now: float) -> float:
        """Observe the value. now: monotonic time in seconds. Returns for how many seconds it hasn't changed."""
        if self._looked_at is None or value != self._value:
            self.seconds = 0.0
        else:
            self.seconds += min(now - self._looked_at, _MOST_STEP_S)
        self._value, self._looked_at = value, now
        return self.seconds

    def reset(self) -> None:
        """Start over with the next observation."""
        self._looked_at, self.seconds = None, 0.0
