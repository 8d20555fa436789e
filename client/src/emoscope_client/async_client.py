"""The asyncio client."""

import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar, Unpack
from uuid import UUID

import httpx

from emoscope_client.address import find_address
from emoscope_client.batches import BatchPhoto, BatchSummary
from emoscope_client.jobs import Job
from emoscope_client.operations import Operations, read_cursor
from emoscope_client.options import JobFilters
from emoscope_client.steps import Call, Outcome, Pause, ReadFile, Retries, Step, Steps
from emoscope_client.transport import make_headers, make_request

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _awaited(
    operation: Callable[Concatenate[Operations, _P], Steps[_T]],
) -> Callable[Concatenate["AsyncClient", _P], Coroutine[object, None, _T]]:
    """Make a method that executes an operation's steps and returns its result."""

    @functools.wraps(operation)
    async def call(self: "AsyncClient", /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await self._run(operation(self._operations, *args, **kwargs))

    return call


class AsyncClient:
    """The asyncio client: every method of `Client`, to be awaited."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 30,
        retries: Retries | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        """See Client."""
        self.address = find_address(base_url, api_key)
        self._operations = Operations(self.address.api_url, retries or Retries(), timeout_s)
        self._headers = make_headers(self.address)
        self._is_owner = http_client is None
        self._http = http_client or httpx.AsyncClient()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._is_owner:
            await self._http.aclose()

    create_job = _awaited(Operations.create_job)
    analyze = _awaited(Operations.analyze)
    get_job = _awaited(Operations.get_job)
    wait_for_job = _awaited(Operations.wait_for_job)
    get_job_page = _awaited(Operations.get_job_page)
    cancel_job = _awaited(Operations.cancel_job)
    retry_job = _awaited(Operations.retry_job)
    erase_job = _awaited(Operations.erase_job)
    list_job_events = _awaited(Operations.list_job_events)
    get_photo = _awaited(Operations.get_photo)
    get_annotated_photo = _awaited(Operations.get_annotated_photo)
    get_face_crop = _awaited(Operations.get_face_crop)
    create_batch = _awaited(Operations.create_batch)
    get_batch = _awaited(Operations.get_batch)
    wait_for_batch = _awaited(Operations.wait_for_batch)
    get_batch_page = _awaited(Operations.get_batch_page)
    get_batch_photo_page = _awaited(Operations.get_batch_photo_page)
    add_batch_photos = _awaited(Operations.add_batch_photos)
    close_batch = _awaited(Operations.close_batch)
    cancel_batch = _awaited(Operations.cancel_batch)
    retry_batch = _awaited(Operations.retry_batch)
    erase_batch = _awaited(Operations.erase_batch)
    export_rows = _awaited(Operations.export_rows)
    download_rows = _awaited(Operations.download_rows)
    create_export = _awaited(Operations.create_export)
    get_export = _awaited(Operations.get_export)
    wait_for_export = _awaited(Operations.wait_for_export)
    get_export_page = _awaited(Operations.get_export_page)
    get_export_file = _awaited(Operations.get_export_file)
    download_export = _awaited(Operations.download_export)
    delete_export = _awaited(Operations.delete_export)
    list_model_versions = _awaited(Operations.list_model_versions)
    get_model_version = _awaited(Operations.get_model_version)
    get_champion = _awaited(Operations.get_champion)
    create_webhook = _awaited(Operations.create_webhook)
    list_webhooks = _awaited(Operations.list_webhooks)
    get_webhook = _awaited(Operations.get_webhook)
    change_webhook = _awaited(Operations.change_webhook)
    delete_webhook = _awaited(Operations.delete_webhook)
    pause_webhook = _awaited(Operations.pause_webhook)
    resume_webhook = _awaited(Operations.resume_webhook)
    rotate_webhook_secret = _awaited(Operations.rotate_webhook_secret)
    rotate_callback_secret = _awaited(Operations.rotate_callback_secret)
    test_webhook = _awaited(Operations.test_webhook)
    replay_failed_deliveries = _awaited(Operations.replay_failed_deliveries)
    get_webhook_delivery_page = _awaited(Operations.get_webhook_delivery_page)
    get_webhook_delivery = _awaited(Operations.get_webhook_delivery)
    replay_webhook_delivery = _awaited(Operations.replay_webhook_delivery)
    create_key = _awaited(Operations.create_key)
    list_keys = _awaited(Operations.list_keys)
    change_key = _awaited(Operations.change_key)
    rotate_key = _awaited(Operations.rotate_key)
    revoke_key = _awaited(Operations.revoke_key)
    list_key_usage = _awaited(Operations.list_key_usage)
    get_health = _awaited(Operations.get_health)
    get_readiness = _awaited(Operations.get_readiness)

    async def list_jobs(self, *, page_size: int | None = None, **filters: Unpack[JobFilters]) -> AsyncIterator[Job]:
        """See Client.list_jobs."""
        cursor: str | None = None
        while True:
            page = await self.get_job_page(cursor=cursor, limit=page_size, **filters)
            for job in page.items:
                yield job
            cursor = read_cursor(page)
            if cursor is None:
                return

    async def list_batches(
        self, *, page_size: int | None = None, application: str | None = None
    ) -> AsyncIterator[BatchSummary]:
        """See Client.list_batches."""
        cursor: str | None = None
        while True:
            page = await self.get_batch_page(cursor=cursor, limit=page_size, application=application)
            for batch in page.items:
                yield batch
            cursor = read_cursor(page)
            if cursor is None:
                return

    async def list_batch_photos(
        self, batch_id: UUID | str, *, page_size: int | None = None
    ) -> AsyncIterator[BatchPhoto]:
        """See Client.list_batch_photos."""
        after: int | None = None
        while True:
            page = await self.get_batch_photo_page(batch_id, after=after, limit=page_size)
            for photo in page.items:
                yield photo
            if page.next is None:
                return
            after = page.items[-1].position

    async def _run(self, steps: Steps[_T]) -> _T:
        """Execute an operation's steps, and return its result."""
        outcome: Outcome = None
        try:
            while True:
                outcome = await self._carry_out(steps.send(outcome))
        except StopIteration as end:
            result: _T = end.value
            return result

    async def _save(self, call: Call, path: Path) -> httpx.Response:
        import asyncio

        async with self._http.stream(**make_request(self.address, self._headers, call)) as response:
            if response.is_success:
                file = await asyncio.to_thread(path.open, "wb")
                try:
                    async for piece in response.aiter_bytes():
                        await asyncio.to_thread(file.write, piece)
                finally:
                    await asyncio.to_thread(file.close)
            else:
                await response.aread()
            return response

    async def _carry_out(self, step: Step) -> Outcome:
        import asyncio  # imported late: blocking programs don't need it

        try:
            match step:
                case Pause():
                    await asyncio.sleep(step.seconds)
                    return None
                case ReadFile():
                    return await asyncio.to_thread(step.path.read_bytes)
                case Call(save_to=Path() as path):
                    return await self._save(step, path)
                case Call():
                    return await self._http.request(**make_request(self.address, self._headers, step))
        except (OSError, httpx.TransportError) as error:
            return error
