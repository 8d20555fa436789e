"""Waits for conditions in other processes that can't be notified of."""

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], object],
    what: str,
    timeout_s: float = 90,
    pause: Callable[[], object] = lambda: time.sleep(0.02),
) -> None:
    """Return as soon as the condition holds; fail the test if it doesn't within `timeout_s` seconds.

    pause: between two looks; with a browser, that of the page, in which the browser's events are taken.
    """
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s:g} s: {what}"
        pause()
