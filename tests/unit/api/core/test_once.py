"""What a request does once, though it may run more than once."""

from collections.abc import Callable

from flask import Flask

from api.core.once import do_once
from api.core.server.bridge import MEMO
from api.core.server.parking import Parking, current_parking


def test_what_was_done_is_not_done_again_and_the_request_may_run_again() -> None:
    done: list[str] = []

    def note(name: str) -> Callable[[], int]:
        return lambda: done.append(name) or len(done)

    memo: dict[str, object] = {}
    parking = Parking()
    token = current_parking.set(parking)
    try:
        for _ in range(2):
            with Flask("test").test_request_context(method="POST", environ_overrides={MEMO: memo}):
                assert do_once("first", note("first")) == 1
        assert parking.may_run_again
        with Flask("test").test_request_context(method="POST", environ_overrides={MEMO: memo}):
            assert do_once("second", note("second")) == 2
    finally:
        current_parking.reset(token)
    assert done == ["first", "second"]


def test_outside_the_server_a_request_has_nothing_done_before() -> None:
    with Flask("test").test_request_context(method="POST"):
        assert do_once("it", lambda: 7) == 7
