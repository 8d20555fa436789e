"""The asyncio client executes the same steps."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from emoscope_client import AsyncClient, Retries
from tests.support.factories.answers import make_face, make_job
from tests.support.scripted_api import ScriptedApi

QUICK = Retries(tries=4, first_pause_s=0.01)
T = TypeVar("T")


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    yield server
    server.close()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: where browser tests ran before in this process, Playwright keeps a loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(coroutine)).result()


def test_a_photo_is_read_submitted_again_where_needed_and_waited_for(api: ScriptedApi, tmp_path: Path) -> None:
    api.answers = [(503, {}, {}), (202, {}, make_job("queued")), (200, {}, make_job("succeeded", [make_face()]))]
    (tmp_path / "team.jpg").write_bytes(b"the bytes")

    async def analyze() -> str:
        async with AsyncClient(api.url, "key", retries=QUICK) as client:
            return (await client.analyze(tmp_path / "team.jpg")).faces[0].emotion

    assert run(analyze()) == "happy"
    assert b"the bytes" in api.requests[1][2]


def test_a_photo_that_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    async def analyze() -> None:
        async with AsyncClient("http://127.0.0.1:1", "key") as client:
            with pytest.raises(FileNotFoundError):
                await client.create_job(tmp_path / "none.jpg")

    run(analyze())


def test_jobs_are_listed_page_after_page(api: ScriptedApi) -> None:
    api.answers = [
        (200, {}, {"items": [make_job("queued")], "next": "/v1/jobs?cursor=x"}),
        (200, {}, {"items": [make_job("queued")], "next": None}),
    ]

    async def count() -> int:
        async with AsyncClient(api.url, "key") as client:
            return len([job async for job in client.list_jobs(page_size=1)])

    assert run(count()) == 2
    assert api.requests[1][0] == "GET /v1/jobs?limit=1&cursor=x"


def test_other_tasks_go_on_during_a_pause(api: ScriptedApi) -> None:
    api.answers = [(503, {}, {}), (200, {}, make_job("queued"))]

    async def read_and_count() -> int:
        ticks = 0

        async def count() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        async with AsyncClient(api.url, "key", retries=Retries(first_pause_s=0.3)) as client:
            counting = asyncio.create_task(count())
            await client.get_job("1")
            counting.cancel()
        return ticks

    assert run(read_and_count()) > 3
