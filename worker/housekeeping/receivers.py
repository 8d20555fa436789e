"""Which callbacks may be made at once: each receiver gets a few of this process's threads, and the others the rest."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Receivers:
    """Counts the calls in hand by host. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        """most: calls to one host at once."""
        self._most = most
        self._in_hand: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def take_place(self, host: str) -> Iterator[bool]:
        """Whether there is a place for a call to this host; if so, it is taken inside the block. Never waits."""
        with self._lock:
            is_free = self._in_hand[host] < self._most
            self._in_hand[host] += is_free
        try:
            yield is_free
        finally:
            with self._lock:
                self._in_hand[host] -= is_free
                if not self._in_hand[host]:
                    del self._in_hand[host]  # hosts come and go, and the process stays
