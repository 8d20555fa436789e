"""Limits concurrent callbacks per receiver, so that each gets only some of this process's threads."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Receivers:
    """Counts active calls by host. Thread-safe."""

    def __init__(self, most: int) -> None:
        """most: concurrent calls per host."""
        self._most = most
        self._in_hand: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def take_slot(self, host: str) -> Iterator[bool]:
        """Take a slot for a call to this host, for the duration of the block. Returns whether there was one. Never waits."""
        with self._lock:
            is_free = self._in_hand[host] < self._most
            self._in_hand[host] += is_free
        try:
            yield is_free
        finally:
            with self._lock:
                self._in_hand[host] -= is_free
                if not self._in_hand[host]:
                    del self._in_hand[host]  # removed, because hosts come and go while the process stays
