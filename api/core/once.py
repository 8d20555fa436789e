"""Results that a request keeps when it runs again: see api/core/server/parking.py.

    submitted = recall("submitted", Submitted)
    if submitted is None:
        submitted = remember("submitted", submit(...))

Everything that reads the body belongs inside the `if`: the second run has no body. A request other than GET and HEAD that remembers
nothing holds its thread while it waits.
"""

from typing import TypeVar

from flask import request

from api.core.server.bridge import MEMO
from api.core.server.parking import current_parking

T = TypeVar("T")


def recall(name: str, kind: type[T]) -> T | None:
    """Return what an earlier run of this request remembered under this name; None in the first run."""
    found = request.environ.get(MEMO, {}).get(name)
    if found is None:
        return None
    assert isinstance(found, kind)
    return remember(name, found)


def remember(name: str, done: T) -> T:
    """Keep a result for the next run of this request, and allow the request to run again. Returns `done`."""
    request.environ.setdefault(MEMO, {})[name] = done
    parking = current_parking.get()
    if parking is not None:
        parking.may_run_again = True
    return done
