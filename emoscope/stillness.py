"""How long something that should move has stood still."""

from collections.abc import Hashable

_MOST_STEP_S = 5.0
"""Most seconds that one look counts for. Who looks may be stopped with what it looks at, and for longer."""


class Stillness:
    """Measures for how long a value hasn't changed, in seconds that the observer was awake itself."""

    def __init__(self) -> None:
        self._value: Hashable = None
        self._looked_at: float | None = None
        self.seconds = 0.0
        """For how long the value hasn't changed."""

    def look(self, value: Hashable, now: float) -> float:
        """Look at the value. now: seconds of a monotonic clock. Returns for how many seconds it hasn't changed."""
        if self._looked_at is None or value != self._value:
            self.seconds = 0.0
        else:
            self.seconds += min(now - self._looked_at, _MOST_STEP_S)
        self._value, self._looked_at = value, now
        return self.seconds

    def reset(self) -> None:
        """Begin to measure anew with the next look."""
        self._looked_at, self.seconds = None, 0.0
