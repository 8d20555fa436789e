"""One request with its retries, independent of the transport.

An operation is a generator. It yields steps (a call, a pause, a file to read), receives the outcome of each, and returns its
result. `Client` and `AsyncClient` differ only in how they execute the steps.
"""

import random
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx

from emoscope_client.errors import ERRORS_BY_STATUS, ApiError, ServerError, ServiceUnreachable, UnexpectedAnswer
from emoscope_client.problem import FieldError, Problem

T = TypeVar("T")

RETRIED_STATUSES = frozenset({429, 502, 503, 504})

_GRACE_S = 5.0
"""Seconds after the deadline of a wait in which its last response may arrive."""


@dataclass(frozen=True)
class Call:
    """One HTTP request. path: relative to the API's address. held_s: how long the API may hold the response.

    is_repeatable: whether the request may be repeated after a lost response. save_to: file to which the body of a successful
    response is written, in pieces.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[tuple[str, tuple[str, bytes]]] = ()
    held_s: float = 0
    save_to: Path | None = None
    is_repeatable: bool = True
    timeout_s: float = 30
    json: Mapping[str, object] | None = None
    """The body of calls that send JSON."""


@dataclass(frozen=True)
class Pause:
    """Wait some seconds."""

    seconds: float


@dataclass(frozen=True)
class ReadFile:
    """Read a file."""

    path: Path


Step = Call | Pause | ReadFile
Outcome = httpx.Response | httpx.TransportError | bytes | OSError | None
Steps = Generator[Step, Outcome, T]


@dataclass(frozen=True)
class Retries:
    """Number of attempts, and pauses between them: first_pause_s, twice that, four times ...

    A longer `Retry-After` of the API overrides the pause. No attempt starts later than `longest_total_s` after the first.
    """

    tries: int = 6
    first_pause_s: float = 0.25
    longest_pause_s: float = 20.0
    longest_total_s: float = 120.0

    def choose_pause_s(self, tries_made: int, retry_after_s: float | None) -> float:
        """Choose the pause before the next attempt in seconds, with up to a quarter of random jitter, so that clients don't return
        at the same time.
        """
        pause_s = min(self.first_pause_s * 2.0 ** min(tries_made - 1, 30), self.longest_pause_s)
        return max(pause_s * random.uniform(0.75, 1), retry_after_s or 0)  # noqa: S311


@dataclass(frozen=True)
class Patience:
    """How long to keep trying: a number of attempts, or None for any, and a deadline in `time.monotonic()` seconds.

    is_deadline: whether the deadline also applies to the last response, as for a wait.
    """

    tries: int | None
    end: float
    is_deadline: bool = False

    def choose_timeout_s(self, call: Call) -> float:
        """Return how long to wait for a response."""
        timeout_s = call.timeout_s + call.held_s
        return min(timeout_s, max(self.end - time.monotonic(), 0) + _GRACE_S) if self.is_deadline else timeout_s


def send(call: Call, retries: Retries, patience: Patience, address: str) -> Steps[httpx.Response]:
    """Send a call, with retries where they may help. Raises ApiError, ServiceUnreachable, and OSError if it can't write
    `save_to`.
    """
    tries, may_be_done = 0, False
    while True:
        tries += 1
        outcome = yield replace(call, timeout_s=patience.choose_timeout_s(call))
        if isinstance(outcome, OSError) and call.save_to is not None:
            raise outcome  # of the file; httpx has its own errors for the network
        response = outcome if isinstance(outcome, httpx.Response) else None
        retry_after_s = read_retry_after_s(response)
        if response is not None and response.status_code not in RETRIED_STATUSES:
            return _check(response, retry_after_s, may_be_done=may_be_done)
        is_lost = response.is_server_error if response is not None else not _is_unsent(outcome)
        pause_s = retries.choose_pause_s(tries, retry_after_s)
        is_last = patience.tries is not None and tries >= patience.tries
        if is_last or time.monotonic() + pause_s > patience.end or (is_lost and not call.is_repeatable):
            if response is not None:
                return _check(response, retry_after_s, may_be_done=may_be_done)
            reason = str(outcome) or type(outcome).__name__
            raise ServiceUnreachable(
                f"the API at {address} does not answer: {reason}", may_be_done=may_be_done or is_lost
            )
        may_be_done |= is_lost
        yield Pause(pause_s)


def read_retry_after_s(response: httpx.Response | None) -> float | None:
    """Return the seconds of a response's `Retry-After`, in either form of RFC 9110, or None."""
    asked = response.headers.get("Retry-After", "").strip() if response is not None else ""
    if asked.isascii() and asked.isdigit():
        return float(asked)
    if not asked:
        return None
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return None
    return max((moment - datetime.now(UTC)).total_seconds(), 0) if moment.tzinfo is not None else None


def read_json(response: httpx.Response) -> object:
    """Decode the body of a response. Raises UnexpectedAnswer if it isn't JSON."""
    try:
        found: object = response.json()
    except ValueError as error:
        raise UnexpectedAnswer(f"the answer of {response.url} is no JSON") from error
    return found


def _is_unsent(outcome: Outcome) -> bool:
    """Return whether the request can't have reached the service."""
    return isinstance(
        outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol
    )


def _check(response: httpx.Response, retry_after_s: float | None, *, may_be_done: bool) -> httpx.Response:
    if response.is_success:
        return response
    status = response.status_code
    kind = ERRORS_BY_STATUS.get(status, ServerError if response.is_server_error else ApiError)
    raise kind(_read_problem(response), retry_after_s=retry_after_s, may_be_done=may_be_done)


def _read_problem(response: httpx.Response) -> Problem:
    """Return the API's error, or one made from the status if a proxy responded in its place."""
    try:
        plain = response.json()
    except ValueError:
        plain = None
    said = plain if isinstance(plain, dict) else {}
    status = response.status_code
    detail = f"redirected to {response.headers.get('Location')}" if response.is_redirect else ""
    title = str(said.get("title") or f"HTTP {status}")
    errors = said.get("errors")
    return Problem(
        type=str(said.get("type", "about:blank")),
        title=title,
        status=status,
        code=str(said.get("code", "http_error")),
        detail=str(said.get("detail") or detail or title),
        request_id=response.headers.get("X-Request-ID"),
        errors=tuple(
            FieldError(in_=str(each.get("in")), field=str(each.get("field")), reason=str(each.get("reason")))
            for each in (errors if isinstance(errors, list) else ())
            if isinstance(each, dict)
        ),
    )
