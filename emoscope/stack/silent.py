"""Detects when the queue no longer answers on its socket; it has no heartbeat file of ours."""

from emoscope.pulse import FROZEN_AFTER_S
from emoscope.stack.question import Question
from emoscope.stillness import Stillness

_LOOK_EVERY_S = 2.0


class SilentSocket:
    """Pings Valkey on its Unix socket."""

    def __init__(
        self, path: str, *, look_every_s: float = _LOOK_EVERY_S, silent_after_s: float = FROZEN_AFTER_S
    ) -> None:
        """look_every_s: minimum time between two checks. silent_after_s: time without an answer."""
        self._look_every_s, self._silent_after_s = look_every_s, silent_after_s
        self._question = Question(path, "PING")
        self._answers = 0
        self._stillness = Stillness()
        self._looked_at: float | None = None

    def is_silent(self, now: float) -> bool:
        """Return whether the program accepts connections but has answered nothing for `silent_after_s` seconds.

        now: monotonic time in seconds. Checks at most every `look_every_s` seconds.
        """
        if self._looked_at is not None and now - self._looked_at < self._look_every_s:
            return False
        self._looked_at = now
        try:
            self._answers += self._question.ask() is not None
        except OSError:  # it has ended or is starting, which the supervisor sees itself
            self.close()
            return False
        return self._stillness.look(self._answers, now) >= self._silent_after_s

    def close(self) -> None:
        """Reset the measurement."""
        self._question.close()
        self._stillness.reset()
