"""A fixed number of threads that run the application, with a limit on the wait for one."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.core.server.refusals import Refusal

Result = TypeVar("Result")


class Threads:
    """A pool of threads. Requests wait for one in the order in which they came, urgent ones first."""

    def __init__(self, count: int, max_wait_s: float, name: str) -> None:
        """max_wait_s: how long a request may wait for a thread."""
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._free_count = count
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._max_wait_s = max_wait_s

    async def run(
        self,
        context: contextvars.Context,
        function: Callable[[], Result],
        *,
        is_patient: bool = False,
        is_urgent: bool = False,
    ) -> Result:
        """Run a function in a thread, in the given context.

        Raises what the function raises, and Refusal `server_busy` if no thread is free in time and the caller isn't patient. If the
        caller is canceled, the function still runs to its end.
        """
        if self._free_count:
            self._free_count -= 1
        else:
            try:
                async with asyncio.timeout(None if is_patient else self._max_wait_s):
                    await self._wait(self._urgent if is_urgent else self._others)
            except TimeoutError:
                raise Refusal(
                    "server_busy", "all threads of the service are busy; try again in a few seconds"
                ) from None
        future = asyncio.get_running_loop().run_in_executor(self._executor, context.run, function)
        future.add_done_callback(self._release)
        return await asyncio.shield(future)

    async def _wait(self, queue: "deque[asyncio.Future[None]]") -> None:
        """Wait until another request releases its thread."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                queue.remove(turn)
            else:  # a thread was handed over at the same moment
                self._hand_over()
            raise

    def _hand_over(self) -> None:
        """Give a free thread to the next request."""
        for queue in (self._urgent, self._others):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free_count += 1

    def _release(self, future: asyncio.Future[Result]) -> None:
        self._hand_over()
        if not future.cancelled():
            future.exception()  # retrieved, so that asyncio doesn't log it as never retrieved, as after a cancel

    def close(self) -> None:
        """Accept no more work."""
        self._executor.shutdown(wait=False)
