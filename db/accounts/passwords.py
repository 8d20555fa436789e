"""Hashes passwords with Argon2id, a few at a time."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from db.core.errors import DomainError

hasher = PasswordHasher()
"""Argon2id with the library's defaults, which are the second recommendation of RFC 9106 (64 MiB, three passes)."""

_LONGEST_WAIT_S = 5.0
_PLACES = 2
"""A hash takes 64 MiB and several cores for tens of milliseconds, and anybody can request one by the sign-in form. Hashing in every
thread at once would exhaust a small machine.
"""

_PLACES_OF_ONE_ADDRESS = 1
_WAITING_OF_ONE_ADDRESS = 1
_WAITING = 8
"""A client that floods the sign-in holds one slot and waits for one more, so other addresses find the second slot free.

Waiting requests hold threads of the API, so there may be only a few.
"""


class PasswordsBusy(DomainError):
    """The maximum number of passwords is being hashed."""

    code = "passwords_busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Too many passwords"
    meaning = "Too many passwords are being hashed at the same time. Nothing was changed; try again in a few seconds."

    def __init__(self) -> None:
        super().__init__("too many passwords are being checked; try again in a few seconds")


class HashingSlots:
    """Slots for hashing, shared fairly between addresses."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hashing: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def take(self, address: str, timeout_s: float) -> Iterator[None]:
        """Hold a slot for this block. Raises PasswordsBusy: at once if too many wait, otherwise after `timeout_s` seconds."""
        with self._changed:
            if not self._may_hash(address):
                self._wait(address, timeout_s)
            self._hashing[address] += 1
        try:
            yield
        finally:
            with self._changed:
                self._hashing -= Counter([address])
                self._changed.notify_all()

    def _may_hash(self, address: str) -> bool:
        return self._hashing.total() < _PLACES and self._hashing[address] < _PLACES_OF_ONE_ADDRESS

    def _wait(self, address: str, timeout_s: float) -> None:
        if self._waiting[address] >= _WAITING_OF_ONE_ADDRESS or self._waiting.total() >= _WAITING:
            raise PasswordsBusy
        self._waiting[address] += 1
        try:
            if not self._changed.wait_for(lambda: self._may_hash(address), timeout_s):
                raise PasswordsBusy
        finally:
            self._waiting -= Counter([address])


_places = HashingSlots()


@contextmanager
def take_slot(address: str = "") -> Iterator[None]:
    """Hold a slot for this block, which calls `hasher` or `is_password`. Raises PasswordsBusy if none is free within a few seconds.

    address: of the client; empty for signed-in users and the command line.
    """
    with _places.take(address, _LONGEST_WAIT_S):
        yield


def is_password(password_hash: str, password: str) -> bool:
    """Return whether the password matches the hash."""
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
