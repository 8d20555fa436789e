"""The thread pool and its waiting requests."""

import asyncio
import contextvars
import threading

import pytest

from api.core.server.refusals import Refusal
from api.core.server.threads import Threads

name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")


def test_a_function_runs_in_the_callers_context_and_raises_what_it_raises() -> None:
    async def run() -> None:
        threads, context = Threads(1, 1, "t"), contextvars.copy_context()
        context.run(name.set, "ana")
        assert await threads.run(context, name.get) == "ana"
        with pytest.raises(ZeroDivisionError):
            await threads.run(context, lambda: 1 // 0)
        threads.close()

    asyncio.run(run())


def test_whoever_finds_no_thread_in_time_is_refused_unless_patient() -> None:
    async def run() -> None:
        threads, go = Threads(1, 0.05, "t"), threading.Event()

        def start(function: object, **how: bool) -> "asyncio.Task[object]":
            return asyncio.create_task(threads.run(contextvars.copy_context(), function, **how))  # type: ignore[arg-type]

        held = start(lambda: go.wait(10))
        await asyncio.sleep(0)
        patient = start(lambda: "patient", is_patient=True)
        with pytest.raises(Refusal) as refused:
            await start(lambda: "impatient")
        assert refused.value.kind.code == "server_busy"
        go.set()
        assert await held
        assert await patient == "patient"
        assert await start(lambda: "free again") == "free again"
        threads.close()

    asyncio.run(run())


def test_a_caller_that_is_cancelled_keeps_its_thread_until_the_function_ends() -> None:
    async def run() -> None:
        threads, go = Threads(1, 0.05, "t"), threading.Event()
        begun = threading.Event()

        def work() -> None:
            begun.set()
            go.wait(10)

        task = asyncio.create_task(threads.run(contextvars.copy_context(), work))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(Refusal):
            await threads.run(contextvars.copy_context(), int)
        go.set()
        assert await threads.run(contextvars.copy_context(), int, is_patient=True) == 0
        threads.close()

    asyncio.run(run())


def test_urgent_work_comes_before_what_waits_already() -> None:
    async def run() -> list[str]:
        threads, go, order = Threads(1, 10, "t"), threading.Event(), list[str]()

        def start(function: object, **how: bool) -> "asyncio.Task[object]":
            return asyncio.create_task(threads.run(contextvars.copy_context(), function, **how))  # type: ignore[arg-type]

        started = [start(lambda: go.wait(10))]
        await asyncio.sleep(0)
        for word, is_urgent in (("first", False), ("second", False), ("urgent", True), ("next", True)):
            started.append(start(lambda word=word: order.append(word), is_urgent=is_urgent))
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*started)
        threads.close()
        return order

    assert asyncio.run(run()) == ["urgent", "next", "first", "second"]


def test_a_thread_handed_to_a_caller_that_gave_up_goes_to_the_next() -> None:
    async def run() -> object:
        threads, go = Threads(1, 10, "t"), threading.Event()
        held = asyncio.create_task(threads.run(contextvars.copy_context(), lambda: go.wait(10)))
        await asyncio.sleep(0)
        gone, next_one = (asyncio.create_task(threads.run(contextvars.copy_context(), lambda: "next")) for _ in "ab")
        await asyncio.sleep(0)
        held.add_done_callback(lambda _: gone.cancel())
        go.set()
        found = await asyncio.wait_for(next_one, 5)
        threads.close()
        return found

    assert asyncio.run(run()) == "next"
