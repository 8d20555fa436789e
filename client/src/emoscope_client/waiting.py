"""Waits for the end of a job, batch or export by long polling."""

import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from emoscope_client.batches import Batch
from emoscope_client.errors import ApiError, ServiceUnreachable, WaitTimeout
from emoscope_client.exports import Export
from emoscope_client.jobs import Job
from emoscope_client.steps import (
    RETRIED_STATUSES,
    Call,
    Patience,
    Pause,
    Steps,
    read_json,
    read_retry_after_s,
)

LONGEST_HOLD_S = 60.0
"""Maximum seconds for which one request asks the API to hold its response: the service's default limit."""

_POLL_S = 1.0
"""Seconds between two requests if the API doesn't hold its response and sends no Retry-After."""

_EARLY_S = 0.1
"""A response that arrives this much earlier than requested wasn't held."""

_W = TypeVar("_W", Job, Batch, Export)


def wait(
    send: Callable[[Call, Patience], Steps[httpx.Response]],
    kind: type[_W],
    path: str,
    known: _W | None,
    name: str,
    timeout_s: float,
) -> Steps[_W]:
    """Read a job or batch until it has ended. known: as last read. Raises WaitTimeout after `timeout_s` seconds.

    While the API is unavailable or busy, the wait continues.
    """
    end = time.monotonic() + timeout_s
    found = known
    while found is None or not _has_ended(found):
        asked_at = time.monotonic()
        left_s = max(end - asked_at, 0)
        if not left_s and found is not None:
            raise _make_timeout(name, found)
        held_s = min(left_s, LONGEST_HOLD_S)
        params = {"wait": f"{held_s:g}"} if held_s else {}
        try:
            response = yield from send(Call("GET", path, params, held_s=held_s), Patience(None, end, is_deadline=True))
        except (ServiceUnreachable, ApiError) as error:
            if isinstance(error, ApiError) and error.status not in RETRIED_STATUSES:
                raise
            raise _make_timeout(name, found) from error
        before, found = found, kind.from_json(read_json(response))
        is_early = time.monotonic() < asked_at + held_s - _EARLY_S
        if is_early and not _has_ended(found) and not _has_changed(before, found):
            # The service has no room for another held request. Without a pause this would be a busy loop.
            pause_s = read_retry_after_s(response) or _POLL_S
            yield Pause(min(pause_s, max(end - time.monotonic(), 0)))
    return found


def _has_ended(found: Job | Batch | Export) -> bool:
    return found.is_done if isinstance(found, Batch) else found.has_ended


def _has_changed(before: Job | Batch | Export | None, found: Job | Batch | Export) -> bool:
    """Return whether the response came early because of a change. Batches and exports are held until they end."""
    if not isinstance(found, Job):
        return False
    return not isinstance(before, Job) or (before.status, before.attempt) != (found.status, found.attempt)


def _make_timeout(name: str, found: Job | Batch | Export | None) -> WaitTimeout:
    state = (
        "could not be read" if found is None else "is not done" if isinstance(found, Batch) else f"is {found.status}"
    )
    message = f"{name} {state}, and the time to wait is over"
    if isinstance(found, Batch):
        return WaitTimeout(message, batch=found)
    return WaitTimeout(message, job=found if isinstance(found, Job) else None)
