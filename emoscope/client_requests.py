"""One request of the client, made again where that may help, without a network.

It is a generator: it yields a Call or a Pause, is sent the response (or the error) back, and returns its result. `Client` and
`AsyncClient` only differ in how they carry these steps out.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from emoscope.client_errors import ApiError, ServiceUnreachable

_ANSWER_TIMEOUT_S = 30.0

_RETRIED_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Retries:
    """How often a request is made, and how long the pauses between are: first_pause_s, twice that, four times ..."""

    tries: int = 6
    first_pause_s: float = 0.25
    longest_pause_s: float = 20.0

    def choose_pause_s(self, tries_made: int, response: httpx.Response | None) -> float | None:
        """Seconds until the next try, or None if there is none.

        response: what the API answered; None if it didn't. The API's Retry-After counts where it is longer.
        """
        if response is not None and response.status_code not in _RETRIED_STATUSES:
            return None
        if tries_made >= self.tries:
            return None
        pause_s = min(self.first_pause_s * 2.0 ** (tries_made - 1), self.longest_pause_s)
        asked = str(response.headers.get("Retry-After", "")) if response is not None else ""
        return min(max(pause_s, float(asked)), self.longest_pause_s) if asked.isdigit() else pause_s


@dataclass(frozen=True)
class Call:
    """One request. It may be made again: a submission carries an Idempotency-Key, so it makes one job only."""

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    files: Sequence[tuple[str, tuple[str, bytes]]] = ()
    wait_s: float = 0
    """How long the API may hold the answer back."""

    def to_arguments(self) -> dict[str, Any]:
        """The arguments of httpx's `request`."""
        return {
            "method": self.method,
            "url": self.path,
            "params": self.params or None,
            "headers": self.headers,
            "files": self.files or None,
            "timeout": _ANSWER_TIMEOUT_S + self.wait_s,
        }


@dataclass(frozen=True)
class Pause:
    """Seconds to do nothing."""

    seconds: float


Step = Call | Pause
Answer = httpx.Response | httpx.TransportError | None


def request(call: Call, retries: Retries, address: str) -> Generator[Step, Answer, httpx.Response]:
    """Make a call, again where that may help. Raises ApiError or ServiceUnreachable."""
    tries = 0
    may_be_done = False
    while True:
        tries += 1
        answer = yield call
        response = answer if isinstance(answer, httpx.Response) else None
        pause_s = retries.choose_pause_s(tries, response)
        if pause_s is not None:
            may_be_done |= response is None or response.is_server_error
            yield Pause(pause_s)
        elif response is None:
            raise ServiceUnreachable(f"the API at {address} doesn't answer: {str(answer) or type(answer).__name__}")
        else:
            return _check(response, may_be_done=may_be_done)


def _check(response: httpx.Response, *, may_be_done: bool) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    raise ApiError(response.status_code, problem if isinstance(problem, dict) else {}, may_be_done=may_be_done)
