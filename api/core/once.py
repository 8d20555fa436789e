"""What a request does once, though it may run more than once: see api/core/server/parking.py."""

from collections.abc import Callable
from typing import TypeVar

from flask import request

from api.core.server.bridge import MEMO
from api.core.server.parking import current_parking

T = TypeVar("T")


def do_once(name: str, do: Callable[[], T]) -> T:
    """Do what a view must not do again when its request waited without a thread and is run again. Returns the result of `do`.

    name: tells it from what else the view does once. Everything that reads the body belongs into `do`: there is no body the
    second time. Without this, requests other than GET and HEAD hold their thread while they wait.
    """
    memo = request.environ.get(MEMO, {})
    if name not in memo:
        memo[name] = do()
    parking = current_parking.get()
    if parking is not None:
        parking.may_run_again = True
    found: T = memo[name]
    return found
