"""Whether anybody still waits for an answer: set when the client hangs up, and when the process is told to stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Hangup:
    """A flag that wakes those who wait. Set once, from any thread. One a request.

    It also carries what the server's two halves tell each other of the request.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._is_set = False
        self.is_admitted = False
        """Whether the request is whole, or its headers were found good: a stop waits for it."""
        self.is_last = False
        """Whether the connection ends with this answer, since the rest of the body isn't wanted."""
        self.is_refused = False
        """Whether the server has answered for itself, and logged why."""

    @property
    def is_set(self) -> bool:
        """Whether waiting is pointless."""
        return self._is_set

    def set(self) -> None:
        """Call everybody who listens, now and from now on."""
        with self._lock:
            self._is_set = True
            callbacks, self._callbacks = self._callbacks, []
        for call in callbacks:
            call()

    @contextmanager
    def listen(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have `callback` called when the flag is set, at once if it is set already."""
        with self._lock:
            is_set = self._is_set
            if not is_set:
                self._callbacks.append(callback)
        if is_set:
            callback()
        try:
            yield
        finally:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)


current_hangup: ContextVar[Hangup | None] = ContextVar("current_hangup", default=None)
"""Of the request that this thread serves; None outside the server, as in most tests."""
