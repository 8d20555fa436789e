"""Threads that run the application: a fixed number, and a deadline on waiting for one."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.core.server.refusals import Refusal

Result = TypeVar("Result")


class Threads:
    """A number of threads, and those who wait for one."""

    def __init__(self, count: int, max_wait_s: float, name: str) -> None:
        """max_wait_s: how long a request may wait for a thread."""
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._free = asyncio.Semaphore(count)
        self._max_wait_s = max_wait_s

    async def run(
        self, context: contextvars.Context, function: Callable[[], Result], *, is_patient: bool = False
    ) -> Result:
        """Run a function in a thread, in that context.

        Raises what it raises; Refusal `server_busy` if no thread is free in time, unless the caller is patient. Where the caller
        is cancelled the function still runs to its end.
        """
        try:
            async with asyncio.timeout(self._max_wait_s if self._free.locked() and not is_patient else None):
                await self._free.acquire()
        except TimeoutError:
            raise Refusal("server_busy", "all threads of the service are busy; try again in some seconds") from None
        future = asyncio.get_running_loop().run_in_executor(self._executor, context.run, function)
        future.add_done_callback(self._release)
        return await asyncio.shield(future)

    def _release(self, future: asyncio.Future[Result]) -> None:
        self._free.release()
        if not future.cancelled():
            future.exception()  # asyncio complains of errors that nobody looks at, as after a cancel

    def close(self) -> None:
        """Take no more work."""
        self._executor.shutdown(wait=False)
