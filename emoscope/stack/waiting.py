"""Whether messages wait for a program that runs only while there is work for it."""

from emoscope.stack.question import Question

_LOOK_EVERY_S = 1.0


class WaitingMessages:
    """Asks Valkey on its Unix socket how many messages lie in one queue."""

    def __init__(self, path: str, queue: str) -> None:
        self._question = Question(path, f"LLEN {queue}")
        self._looked_at: float | None = None

    def have_come(self, now: float) -> bool:
        """Whether messages lay in the queue at the look before this one.

        now: seconds of a monotonic clock. Looks once a second, however often it is asked.
        """
        if self._looked_at is not None and now - self._looked_at < _LOOK_EVERY_S:
            return False
        self._looked_at = now
        try:
            answer = self._question.ask() or b""
        except OSError:  # it has ended or is only starting, which the supervisor sees by itself
            return False
        have_come = any(line.startswith(b":") and line != b":0" for line in answer.splitlines())
        if have_come:  # nobody asks on while the program runs, and what is still to be answered would be old by then
            self.close()
        return have_come

    def close(self) -> None:
        """End the connection; the next look makes another."""
        self._question.close()
