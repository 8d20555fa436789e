"""Requests that wait without a thread.

A request that waits registers its wakeup and raises Parked. The server keeps the connection, and runs the application again with
the same headers when the request is woken or its deadline passes. Results of the first run are kept in the request's memo.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import ContextVar
from time import monotonic


class Wakeup:
    """A wait for a thread or the event loop. It can be woken from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wake: Callable[[], object] | None = None
        self.deadline: float | None = None
        """In `time.monotonic()` seconds, set by the request's first wait."""
        self.is_over = False
        """Whether the deadline passed without a wakeup."""

    def notify(self) -> None:
        """Wake the waiter, now or as soon as it waits."""
        self._event.set()
        wake = self._wake
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
                wake()

    def block(self, deadline: float) -> bool:
        """Wait in this thread. Returns whether it was woken before the deadline."""
        is_woken = self._event.wait(max(0.0, deadline - monotonic()))
        self._event.clear()
        return is_woken

    async def wait_parked(self, deadline: float) -> None:
        """Wait in the event loop; `is_over` then says whether the deadline came first."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        try:
            if not self._event.is_set():
                async with asyncio.timeout(max(0.0, deadline - monotonic())):
                    await woken.wait()
        except TimeoutError:
            self.is_over = not self._event.is_set()
        finally:
            self._wake = None
        self._event.clear()


class Parked(BaseException):  # not an error
    """The request waits and needs no thread meanwhile. A BaseException, so that no handler of the application catches it."""

    def __init__(self, wakeup: Wakeup, deadline: float) -> None:
        super().__init__()
        self.wakeup = wakeup
        self.deadline = deadline


class Parking:
    """Parking state of one request.

    may_park: False until its body is complete; until then it doesn't wait at all. may_run_again: whether the request may run again
    without repeating its effects; others wait in their thread. wakeup: what the request waits for, from its first wait on. forget:
    unregisters the wakeup.
    """

    def __init__(self) -> None:
        self.may_park = False
        self.may_run_again = False
        self.wakeup: Wakeup | None = None
        self.forget: Callable[[], None] | None = None

    def close(self) -> None:
        """Stop waiting: the request is answered, or the client is gone."""
        forget, self.forget = self.forget, None
        if forget is not None:
            forget()


current_parking: ContextVar[Parking | None] = ContextVar("current_parking", default=None)
"""Parking of the request that this thread serves; None outside the server, as in most tests. There, waiting blocks the thread."""
