"""What the client says to the API, operation by operation, without a network; `client_requests` tells how steps go."""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from os import PathLike
from pathlib import Path
from typing import TypedDict
from uuid import UUID, uuid4

import httpx

from db.core.vocabulary import Detector, JobStatus, Priority
from emoscope.cli.program import name_program
from emoscope.client_errors import ApiError, NoAddress, WaitTimeout
from emoscope.client_requests import Answer, Call, Retries, Step, request
from emoscope.client_results import Batch, Job
from emoscope.local_client import read_local_client
from emoscope.settings import load_settings

Photo = bytes | str | PathLike[str] | BufferedIOBase
"""A photo: its bytes, its path, or a file open for reading bytes."""

_LONGEST_WAIT_S = 60.0
"""What one request asks the API to wait at most; longer waits are several requests."""


class JobOptions(TypedDict, total=False):
    """What a job may ask for, as the API documents it; None, or left out, takes the service's own choice."""

    detector: Detector | str | None
    min_face_px: int | None
    priority: Priority | str | None
    photo_retention_s: float | None
    deadline_s: float | None
    callback_url: str | None


def find_address(base_url: str | None, api_key: str | None) -> tuple[str, str]:
    """Address and key: those given, those of the settings, or those of the stack on this machine. Raises NoAddress."""
    settings = load_settings()
    local = read_local_client(settings.data_dir)
    url = base_url or settings.api_url or (local.api_url if local else "")
    key = api_key or settings.api_key.get_secret_value() or (local.api_key if local else "")
    if not url or not key:
        raise NoAddress(
            f"no address or no key: start a stack with `{name_program()} up`, "
            "or set EMOSCOPE_API_URL and EMOSCOPE_API_KEY"
        )
    return url, key


def read_photo(photo: Photo, position: int = 0) -> tuple[str, bytes]:
    """Name and bytes of a photo. Raises OSError if it can't be read."""
    if isinstance(photo, bytes):
        return f"photo-{position}", photo
    if isinstance(photo, BufferedIOBase):
        name = getattr(photo, "name", "")
        return Path(name).name if isinstance(name, str) and name else f"photo-{position}", photo.read()
    path = Path(photo)
    return path.name, path.read_bytes()


@dataclass(frozen=True)
class Operations:
    """Every operation of the API that the clients offer, as steps."""

    address: str
    retries: Retries

    def submit(self, photo: Photo, options: JobOptions, key: str | None, wait_s: float) -> Generator[Step, Answer, Job]:
        """Submit one photo, and let the API hold its answer back for a result for up to `wait_s` seconds."""
        call = _make_submission("/v1/jobs", [photo], options, key, min(wait_s, _LONGEST_WAIT_S))
        return Job.from_json((yield from self._request(call)).json())

    def submit_batch(
        self, photos: Sequence[Photo], options: JobOptions, key: str | None
    ) -> Generator[Step, Answer, Batch]:
        """Submit many photos in one call."""
        call = _make_submission("/v1/batches", photos, options, key, 0)
        return Batch.from_json((yield from self._request(call)).json())

    def get_job(self, job_id: UUID, wait_s: float = 0) -> Generator[Step, Answer, Job]:
        """Read a job, held back for a change for up to `wait_s` seconds."""
        return Job.from_json((yield from self._request(_make_reading(f"/v1/jobs/{job_id}", wait_s))).json())

    def get_batch(self, batch_id: UUID, wait_s: float = 0) -> Generator[Step, Answer, Batch]:
        """Read a batch, held back for its end for up to `wait_s` seconds."""
        return Batch.from_json((yield from self._request(_make_reading(f"/v1/batches/{batch_id}", wait_s))).json())

    def wait_job(self, job: Job, timeout_s: float) -> Generator[Step, Answer, Job]:
        """Read a job until it has ended. Raises WaitTimeout."""
        end = time.monotonic() + timeout_s
        while not job.has_ended:
            job = yield from self.get_job(job.id, _choose_wait_s(end, f"job {job.id} is still {job.status}"))
        return job

    def wait_batch(self, batch: Batch, timeout_s: float) -> Generator[Step, Answer, Batch]:
        """Read a batch until all of its jobs have ended. Raises WaitTimeout."""
        end = time.monotonic() + timeout_s
        while not batch.has_ended:
            batch = yield from self.get_batch(batch.id, _choose_wait_s(end, f"batch {batch.id} hasn't ended"))
        return batch

    def analyze(
        self, photo: Photo, options: JobOptions, key: str | None, timeout_s: float
    ) -> Generator[Step, Answer, Job]:
        """Submit a photo and wait for the end of its job."""
        job = yield from self.submit(photo, options, key, timeout_s)
        return (yield from self.wait_job(job, timeout_s))

    def list_page(self, filters: dict[str, str]) -> Generator[Step, Answer, tuple[list[Job], dict[str, str] | None]]:
        """A page of jobs, and the filters that give the next one."""
        page = (yield from self._request(Call("GET", "/v1/jobs", params=filters))).json()
        # Only the query of its address: the path may begin with a proxy's prefix, which the client's own address has too.
        following = dict(httpx.URL(page["next"]).params) if page["next"] else None
        return [Job.from_json(job) for job in page["items"]], following

    def cancel(self, job_id: UUID) -> Generator[Step, Answer, Job]:
        """Withdraw a job. That it is canceled already is no error where an earlier try may have done it."""
        try:
            return Job.from_json((yield from self._request(Call("POST", f"/v1/jobs/{job_id}/cancel"))).json())
        except ApiError as error:
            if not (error.may_be_done and error.status == httpx.codes.CONFLICT):
                raise
            job = yield from self.get_job(job_id)
            if job.status is not JobStatus.CANCELED:
                raise
            return job

    def delete(self, job_id: UUID) -> Generator[Step, Answer, None]:
        """Erase a job. That it is gone is no error where an earlier try may have done it."""
        try:
            yield from self._request(Call("DELETE", f"/v1/jobs/{job_id}"))
        except ApiError as error:
            if not (error.may_be_done and error.status == httpx.codes.NOT_FOUND):
                raise

    def read_bytes(self, path: str) -> Generator[Step, Answer, bytes]:
        """Read a picture."""
        return (yield from self._request(Call("GET", path))).content

    def _request(self, call: Call) -> Generator[Step, Answer, httpx.Response]:
        return (yield from request(call, self.retries, self.address))


def _make_submission(path: str, photos: Sequence[Photo], options: JobOptions, key: str | None, wait_s: float) -> Call:
    headers = {"Idempotency-Key": key or str(uuid4())}
    if wait_s > 0:
        headers["Prefer"] = f"wait={math.ceil(wait_s)}"  # whole seconds alone are allowed (RFC 7240, 4.3)
    return Call(
        "POST",
        path,
        params={name: str(value) for name, value in options.items() if value is not None},
        headers=headers,
        files=[("image", read_photo(photo, position)) for position, photo in enumerate(photos)],
        wait_s=wait_s,
    )


def _make_reading(path: str, wait_s: float) -> Call:
    return Call("GET", path, params={"wait": f"{wait_s:g}"} if wait_s > 0 else {}, wait_s=wait_s)


def _choose_wait_s(end: float, what: str) -> float:
    left_s = end - time.monotonic()
    if left_s <= 0:
        raise WaitTimeout(f"{what}, and the time to wait is over")
    return min(left_s, _LONGEST_WAIT_S)
