"""Results that a request keeps when it runs again."""

from flask import Flask

from api.core.once import recall, remember
from api.core.server.bridge import MEMO
from api.core.server.parking import Parking, current_parking


def test_what_was_done_is_known_to_the_next_run_and_the_request_may_run_again() -> None:
    memo: dict[str, object] = {}
    for found_before in (None, 7):
        parking = Parking()
        token = current_parking.set(parking)
        try:
            with Flask("test").test_request_context(method="POST", environ_overrides={MEMO: memo}):
                assert recall("first", int) == found_before
                assert parking.may_run_again == (found_before is not None)
                if found_before is None:
                    assert remember("first", 7) == 7
                assert parking.may_run_again
                assert recall("second", int) is None
        finally:
            current_parking.reset(token)


def test_outside_the_server_a_request_has_nothing_done_before() -> None:
    with Flask("test").test_request_context(method="POST"):
        assert recall("it", int) is None
        assert remember("it", 7) == 7
    with Flask("test").test_request_context(method="POST"):
        assert recall("it", int) is None
