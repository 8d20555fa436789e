"""Requests that wait without a thread: the application gives up its run, and runs again when there is something new.

What waits raises Parked, once it is registered with whatever will wake it. The server keeps the connection, and runs the
application again with the same headers when it is woken or its time is over. What the first run found out lies in
the request's memo.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import ContextVar
from time import monotonic


class Wakeup:
    """A wait that a thread or the event loop can do. Woken from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wake: Callable[[], object] | None = None
        self.deadline: float | None = None
        """In `time.monotonic()` seconds, from the first wait of the request on."""
        self.is_over = False
        """Whether the time of the parked wait was over without anything new."""

    def notify(self) -> None:
        """Wake the one who waits, now or as soon as it waits."""
        self._event.set()
        wake = self._wake
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                wake()

    def block(self, deadline: float) -> bool:
        """Wait in this thread. Returns whether it was woken before the deadline."""
        is_woken = self._event.wait(max(0.0, deadline - monotonic()))
        self._event.clear()
        return is_woken

    async def wait_parked(self, deadline: float) -> None:
        """Wait in the event loop; `is_over` says whether the deadline came first."""
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


class Parked(BaseException):  # no error
    """The request waits, and needs no thread meanwhile. Not an Exception: no handler of the application may answer it."""

    def __init__(self, wakeup: Wakeup, deadline: float) -> None:
        super().__init__()
        self.wakeup = wakeup
        self.deadline = deadline


class Parking:
    """Where one request may wait. may_park: False while its body isn't there; then it doesn't wait at all.

    may_run_again: whether the request may be run again without doing anything twice. Others wait in their thread.
    wakeup: what the request waits for, from its first wait on. forget: ends that.
    """

    def __init__(self) -> None:
        self.may_park = False
        self.may_run_again = False
        self.wakeup: Wakeup | None = None
        self.forget: Callable[[], None] | None = None

    def close(self) -> None:
        """The request is answered, or nobody is there any more."""
        forget, self.forget = self.forget, None
        if forget is not None:
            forget()


current_parking: ContextVar[Parking | None] = ContextVar("current_parking", default=None)
"""Of the request that this thread serves; None outside the server, as in most tests: there, waiting blocks the thread."""
