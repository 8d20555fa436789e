"""Passwords and their hashes: Argon2id, few at once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from db.core.errors import DomainError

hasher = PasswordHasher()
"""Argon2id with the library's own parameters, which follow RFC 9106's second choice (64 MiB, three passes)."""

_LONGEST_WAIT_S = 5.0
_PLACES = 2
"""Each hash takes 64 MiB and several cores for some tens of milliseconds, and anybody may ask for one by a form: as many at once
as there are threads would fill a small machine and let nothing else through.
"""

_PLACES_OF_ONE_ADDRESS = 1
_WAITING_OF_ONE_ADDRESS = 1
_WAITING = 8
"""Who floods the sign-in from one address holds one place and waits for one more; others find the second place free. Those who
wait hold threads of the API, so they are few.
"""


class PasswordsBusy(DomainError):
    """As many passwords are hashed as may be at once."""

    code = "passwords_busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Too many passwords"
    meaning = "Too many passwords are being hashed at the same time. Nothing was changed; try again in a few seconds."

    def __init__(self) -> None:
        super().__init__("too many passwords are checked at the moment; try again in some seconds")


class HashingPlaces:
    """Places for those who hash, shared out by address."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hashing: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def take(self, address: str, timeout_s: float) -> Iterator[None]:
        """Hash inside this block. Raises PasswordsBusy, at once where too many wait and otherwise after `timeout_s` seconds."""
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


_places = HashingPlaces()


@contextmanager
def take_place(address: str = "") -> Iterator[None]:
    """Hash inside this block, with `hasher` or `is_password`. Raises PasswordsBusy if there is no place within some seconds.

    address: of the client, or empty for people who are signed in already and for the command line.
    """
    with _places.take(address, _LONGEST_WAIT_S):
        yield


def is_password(password_hash: str, password: str) -> bool:
    """Whether it is the password that was hashed."""
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
