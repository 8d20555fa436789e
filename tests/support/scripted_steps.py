"""Executes a client's steps without network or clock: each step gets the test's next outcome."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from emoscope_client import EmoscopeError
from emoscope_client.steps import Call, Outcome, Pause, ReadFile, Steps

T = TypeVar("T")


@dataclass
class Carried(Generic[T]):
    """The executed steps in order, with their result or exception."""

    steps: list[Call | Pause | ReadFile] = field(default_factory=list)
    result: T | None = None
    error: Exception | None = None

    @property
    def calls(self) -> list[Call]:
        return [step for step in self.steps if isinstance(step, Call)]

    @property
    def pauses(self) -> list[float]:
        return [step.seconds for step in self.steps if isinstance(step, Pause)]


def carry_out(steps: Steps[T], *outcomes: Outcome) -> Carried[T]:
    """Execute the steps. outcomes: of each call and file, in order; pauses take no time and have none."""
    carried: Carried[T] = Carried()
    left = iter(outcomes)
    outcome: Outcome = None
    try:
        while True:
            step = steps.send(outcome)
            carried.steps.append(step)
            outcome = None if isinstance(step, Pause) else next(left)
    except StopIteration as end:
        carried.result = end.value
    except (EmoscopeError, OSError) as error:
        carried.error = error
    return carried


def answer(status: int, content: Any = None, headers: Iterable[tuple[str, str]] = ()) -> httpx.Response:
    """Build a response of the API."""
    request = httpx.Request("GET", "http://api")
    return httpx.Response(status, content=json.dumps(content), headers=list(headers), request=request)
