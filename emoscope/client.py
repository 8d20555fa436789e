"""The Python client: submit photos, wait for what their faces appear to express.

    from emoscope.client import Client

    with Client() as client:
        job = client.analyze("team.jpg")
        for face in job.faces:
            print(face.emotion, face.confidence, face.bounding_box)

`Client` blocks, `AsyncClient` is the same with `await`. Both try again when the API is busy or away, and a submission
that is tried again makes one job only.

All methods raise ApiError where the API refuses, and ServiceUnreachable where it doesn't answer; those that take photos
raise OSError for one that can't be read; those that wait raise WaitTimeout.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from typing import Self, TypeVar, Unpack
from uuid import UUID

import httpx

from emoscope.client_calls import JobOptions, Operations, Photo, find_address
from emoscope.client_requests import Answer, Pause, Retries, Step
from emoscope.client_results import Batch, Job

_Result = TypeVar("_Result")


class Client:
    """Talks to an Emoscope API, and blocks. Safe to share between threads. Close it, or use it as a context manager."""

    def __init__(
        self, base_url: str | None = None, api_key: str | None = None, *, retries: Retries | None = None
    ) -> None:
        """base_url, api_key: by default those of the settings, or of the stack that runs on this machine.

        Raises NoAddress if there are none.
        """
        url, key = find_address(base_url, api_key)
        self._operations = Operations(url, retries or Retries())
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(
        self, photo: Photo, *, wait_s: float = 0, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> Job:
        """Submit a photo. Returns the job, which waits for a worker, or has ended if it took less than `wait_s` seconds.

        idempotency_key: submitting again with the same key returns the first job; one is made by default.
        """
        return self._run(self._operations.submit(photo, options, idempotency_key, wait_s))

    def analyze(
        self, photo: Photo, *, timeout_s: float = 300, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> Job:
        """Submit a photo and wait for the end of its job."""
        return self._run(self._operations.analyze(photo, options, idempotency_key, timeout_s))

    def get(self, job_id: UUID) -> Job:
        """The job as it is now."""
        return self._run(self._operations.get_job(job_id))

    def wait(self, job: Job, timeout_s: float = 300) -> Job:
        """Wait until the job has ended, in long requests rather than many."""
        return self._run(self._operations.wait_job(job, timeout_s))

    def submit_batch(
        self, photos: Sequence[Photo], *, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> Batch:
        """Submit many photos in one call; each is accepted or refused by itself."""
        return self._run(self._operations.submit_batch(photos, options, idempotency_key))

    def get_batch(self, batch_id: UUID) -> Batch:
        """The batch with its jobs as they are now."""
        return self._run(self._operations.get_batch(batch_id))

    def wait_batch(self, batch: Batch, timeout_s: float = 3600) -> Batch:
        """Wait until all jobs of the batch have ended."""
        return self._run(self._operations.wait_batch(batch, timeout_s))

    def list_jobs(self, **filters: str) -> Iterator[Job]:
        """All jobs of this application, newest first, page after page. filters: as the API documents them."""
        wanted: dict[str, str] | None = filters
        while wanted is not None:
            jobs, wanted = self._run(self._operations.list_page(wanted))
            yield from jobs

    def cancel(self, job_id: UUID) -> Job:
        """Withdraw a job that has not ended."""
        return self._run(self._operations.cancel(job_id))

    def delete(self, job_id: UUID) -> None:
        """Erase a job: photo, crops and rows."""
        self._run(self._operations.delete(job_id))

    def annotated(self, job_id: UUID) -> bytes:
        """The photo with boxes and labels drawn."""
        return self._run(self._operations.read_bytes(f"/v1/jobs/{job_id}/annotated"))

    def crop(self, face_id: UUID) -> bytes:
        """The face as the model saw it: a PNG, grey, 48 x 48 pixels."""
        return self._run(self._operations.read_bytes(f"/v1/faces/{face_id}/crop"))

    def _run(self, steps: Generator[Step, Answer, _Result]) -> _Result:
        answer: Answer = None
        try:
            while True:
                step = steps.send(answer)
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    continue
                try:
                    answer = self._http.request(**step.to_arguments())
                except httpx.TransportError as error:
                    answer = error
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class AsyncClient:
    """The same with `await`: every method of `Client`, of the same meaning."""

    def __init__(
        self, base_url: str | None = None, api_key: str | None = None, *, retries: Retries | None = None
    ) -> None:
        """As Client."""
        url, key = find_address(base_url, api_key)
        self._operations = Operations(url, retries or Retries())
        self._http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(
        self, photo: Photo, *, wait_s: float = 0, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> Job:
        """As Client.submit."""
        return await self._run(self._operations.submit(photo, options, idempotency_key, wait_s))

    async def analyze(
        self, photo: Photo, *, timeout_s: float = 300, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> Job:
        """As Client.analyze."""
        return await self._run(self._operations.analyze(photo, options, idempotency_key, timeout_s))

    async def get(self, job_id: UUID) -> Job:
        """As Client.get."""
        return await self._run(self._operations.get_job(job_id))

    async def wait(self, job: Job, timeout_s: float = 300) -> Job:
        """As Client.wait."""
        return await self._run(self._operations.wait_job(job, timeout_s))

    async def submit_batch(
        self, photos: Sequence[Photo], *, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> Batch:
        """As Client.submit_batch."""
        return await self._run(self._operations.submit_batch(photos, options, idempotency_key))

    async def get_batch(self, batch_id: UUID) -> Batch:
        """As Client.get_batch."""
        return await self._run(self._operations.get_batch(batch_id))

    async def wait_batch(self, batch: Batch, timeout_s: float = 3600) -> Batch:
        """As Client.wait_batch."""
        return await self._run(self._operations.wait_batch(batch, timeout_s))

    async def list_jobs(self, **filters: str) -> AsyncIterator[Job]:
        """As Client.list_jobs."""
        wanted: dict[str, str] | None = filters
        while wanted is not None:
            jobs, wanted = await self._run(self._operations.list_page(wanted))
            for job in jobs:
                yield job

    async def cancel(self, job_id: UUID) -> Job:
        """As Client.cancel."""
        return await self._run(self._operations.cancel(job_id))

    async def delete(self, job_id: UUID) -> None:
        """As Client.delete."""
        await self._run(self._operations.delete(job_id))

    async def annotated(self, job_id: UUID) -> bytes:
        """As Client.annotated."""
        return await self._run(self._operations.read_bytes(f"/v1/jobs/{job_id}/annotated"))

    async def crop(self, face_id: UUID) -> bytes:
        """As Client.crop."""
        return await self._run(self._operations.read_bytes(f"/v1/faces/{face_id}/crop"))

    async def _run(self, steps: Generator[Step, Answer, _Result]) -> _Result:
        answer: Answer = None
        try:
            while True:
                step = steps.send(answer)
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    continue
                try:
                    answer = await self._http.request(**step.to_arguments())
                except httpx.TransportError as error:
                    answer = error
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
