"""Bodies in memory and in files, within a total."""

import asyncio
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest

from api.core.server import bodies
from api.core.server.bodies import Body, BodyBudget, NoRoomForBody


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as opened:
        yield opened


def write(body: Body, *pieces: bytes) -> None:
    async def run() -> None:
        for piece in pieces:
            await body.write(piece)

    asyncio.run(run())


def test_a_large_body_goes_to_a_file_and_comes_back_whole(executor: ThreadPoolExecutor) -> None:
    budget = BodyBudget(10_000_000)
    small, large = Body(budget, executor), Body(budget, executor)
    write(small, b"abc")
    write(large, b"a" * 900_000, b"b" * 900_000, b"c")
    assert isinstance(small.open(), BytesIO)
    assert not isinstance(large.open(), BytesIO)
    assert large.open().read() == b"a" * 900_000 + b"b" * 900_000 + b"c"
    assert (budget.held_bytes, budget.memory_bytes) == (1_800_004, 3)
    for body in (small, large, large):
        body.close()
    assert (budget.held_bytes, budget.memory_bytes) == (0, 0)


def test_more_than_the_process_may_hold_is_refused_and_what_came_is_given_back(executor: ThreadPoolExecutor) -> None:
    budget = BodyBudget(5)
    first, second = Body(budget, executor), Body(budget, executor)
    write(first, b"abcd")
    with pytest.raises(NoRoomForBody):
        write(second, b"ef")
    first.close()
    write(second, b"ef")
    assert second.open().read() == b"ef"
    second.close()


def test_when_memory_is_used_up_even_small_bodies_go_to_files(executor: ThreadPoolExecutor) -> None:
    budget = BodyBudget(100, max_memory_bytes=4)
    first, second = Body(budget, executor), Body(budget, executor)
    write(first, b"abc")
    write(second, b"de")
    assert isinstance(first.open(), BytesIO)
    assert not isinstance(second.open(), BytesIO)
    for body in (first, second):
        body.close()


class FullDisk(io.BytesIO):
    """A file that takes nothing."""

    def write(self, _data: object) -> int:
        raise OSError("no space left")


def test_a_full_disk_is_no_room_and_what_came_is_given_back(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "TemporaryFile", FullDisk)
    budget = BodyBudget(10_000_000)
    body = Body(budget, executor)
    with pytest.raises(NoRoomForBody):
        write(body, b"x" * 900_000, b"y" * 900_000)
    body.close()
    assert (budget.held_bytes, budget.memory_bytes) == (0, 0)
