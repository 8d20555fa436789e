"""Tells waiting requests that the client hung up or that the process is stopping."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Hangup:
    """A flag that wakes waiting threads: one per request, set at most once, from any thread.

    It also carries state that connection and bridge share about the request.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._is_set = False
        self.is_admitted = False
        """Whether the request is complete, or its headers were accepted. A stopping process then waits for it."""
        self.is_last = False
        """Whether the connection closes after this answer, because the rest of the body isn't read."""
        self.is_refused = False
        """Whether the server itself has answered, and logged why."""

    @property
    def is_set(self) -> bool:
        """Whether the client is gone or the process is stopping."""
        return self._is_set

    def set(self) -> None:
        """Set the flag and call every listener."""
        with self._lock:
            self._is_set = True
            callbacks, self._callbacks = self._callbacks, []
        for call in callbacks:
            call()

    @contextmanager
    def listen(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` when the flag is set, at once if it is set already."""
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
"""Hangup of the request that this thread serves; None outside the server, as in most tests."""
