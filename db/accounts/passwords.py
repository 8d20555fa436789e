"""Passwords and their hashes: Argon2id, few at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from db.core.errors import DomainError

hasher = PasswordHasher()
"""Argon2id with the library's own parameters, which follow RFC 9106's second choice (64 MiB, three passes)."""

_LONGEST_WAIT_S = 1.0
_places = threading.BoundedSemaphore(2)
"""Each hash takes 64 MiB and several cores for some tens of milliseconds, and anybody may ask for one by a form: as many at once
as there are threads would fill a small machine and let nothing else through.
"""


class PasswordsBusy(DomainError):
    """As many passwords are hashed as may be at once."""

    code = "passwords_busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Too many passwords"
    meaning = "As many passwords are hashed as may be at once. Nothing was changed; try again in some seconds."

    def __init__(self) -> None:
        super().__init__("too many passwords are checked at the moment; try again in some seconds")


@contextmanager
def take_place() -> Iterator[None]:
    """Hash inside this block, with `hasher` or `is_password`. Raises PasswordsBusy if there is no place within a moment."""
    if not _places.acquire(timeout=_LONGEST_WAIT_S):
        raise PasswordsBusy
    try:
        yield
    finally:
        _places.release()


def is_password(password_hash: str, password: str) -> bool:
    """Whether it is the password that was hashed."""
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
