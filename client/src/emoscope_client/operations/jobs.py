"""Jobs: submit a photo, wait for its result, read, cancel, retry and erase it."""

import time
from typing import Unpack
from uuid import UUID

from emoscope_client.errors import Conflict, NotFound
from emoscope_client.jobs import Job, JobEventList, JobPage
from emoscope_client.operations.requests import Requests, quote_segment
from emoscope_client.options import JobFilters, JobOptions, to_params
from emoscope_client.photos import PhotoSource
from emoscope_client.steps import Call, Steps, read_json
from emoscope_client.waiting import wait


class JobOperations(Requests):
    """Operations on jobs."""

    def create_job(
        self,
        photo: PhotoSource,
        *,
        wait_s: float = 0,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Steps[Job]:
        """Submit a photo. Returns the job: queued, or ended if that took less than `wait_s` seconds.

        idempotency_key: submitting the same photo and options again with the same key returns the first job. Default: a new key.
        """
        call = yield from self._make_submission("/v1/jobs", [photo], options, idempotency_key, wait_s)
        return Job.from_json(read_json((yield from self._send(call))))

    def analyze(
        self,
        photo: PhotoSource,
        *,
        timeout_s: float = 300,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Steps[Job]:
        """Submit a photo and wait until its job has ended. Returns the job, whether it succeeded or not."""
        end = time.monotonic() + timeout_s
        job = yield from self.create_job(photo, wait_s=timeout_s, idempotency_key=idempotency_key, **options)
        return (yield from self.wait_for_job(job, timeout_s=end - time.monotonic()))

    def get_job(self, job_id: UUID | str, *, wait_s: float = 0) -> Steps[Job]:
        """Read a job. wait_s: maximum seconds to hold the response until the job changes."""
        return (yield from self._read(Job, f"/v1/jobs/{quote_segment(job_id)}", held_s=wait_s))

    def wait_for_job(self, job: Job | UUID | str, *, timeout_s: float = 300) -> Steps[Job]:
        """Wait until a job has ended. Returns it, whether it succeeded or not."""
        job_id = job.id if isinstance(job, Job) else job
        path = f"/v1/jobs/{quote_segment(job_id)}"
        known = job if isinstance(job, Job) else None
        return (yield from wait(self._send_within, Job, path, known, f"job {job_id}", timeout_s))

    def get_job_page(
        self, *, cursor: str | None = None, limit: int | None = None, **filters: Unpack[JobFilters]
    ) -> Steps[JobPage]:
        """Read a page of jobs, newest first. cursor: `JobPage.next`'s, for the next page."""
        params = to_params({**filters, "limit": limit, "cursor": cursor})
        return (yield from self._read(JobPage, "/v1/jobs", params))

    def cancel_job(self, job_id: UUID | str) -> Steps[Job]:
        """Cancel a job that has not ended."""
        try:
            response = yield from self._send(Call("POST", f"/v1/jobs/{quote_segment(job_id)}/cancel"))
        except Conflict as error:
            if not error.may_be_done:
                raise
            job = yield from self.get_job(job_id)
            if job.status != "canceled":
                raise
            return job  # canceled by an earlier attempt whose response was lost
        return Job.from_json(read_json(response))

    def retry_job(self, job_id: UUID | str) -> Steps[Job]:
        """Submit a job's photo again, as a new job with the same options. Returns the new job.

        It isn't retried after a lost response, because that could create two jobs: ServiceUnreachable has `may_be_done`.
        """
        response = yield from self._send(Call("POST", f"/v1/jobs/{quote_segment(job_id)}/retry", is_repeatable=False))
        return Job.from_json(read_json(response))

    def erase_job(self, job_id: UUID | str) -> Steps[None]:
        """Erase a job: its photo, crops and rows."""
        try:
            yield from self._send(Call("DELETE", f"/v1/jobs/{quote_segment(job_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def list_job_events(self, job_id: UUID | str) -> Steps[JobEventList]:
        """List a job's events: each change of its status, oldest first."""
        return (yield from self._read(JobEventList, f"/v1/jobs/{quote_segment(job_id)}/events"))

    def get_photo(self, job_id: UUID | str) -> Steps[bytes]:
        """Read a job's photo as it was submitted."""
        return (yield from self._send(Call("GET", f"/v1/jobs/{quote_segment(job_id)}/image"))).content

    def get_annotated_photo(self, job_id: UUID | str, *, max_side: int | None = None) -> Steps[bytes]:
        """Read a job's photo with boxes and labels drawn, as JPEG. max_side: longest side in pixels."""
        path = f"/v1/jobs/{quote_segment(job_id)}/annotated"
        return (yield from self._send(Call("GET", path, to_params({"max_side": max_side})))).content

    def get_face_crop(self, face_id: UUID | str, *, scale: int | None = None) -> Steps[bytes]:
        """Read a face's crop: a PNG, grey, 48 x 48 pixels, each drawn `scale` pixels wide."""
        path = f"/v1/faces/{quote_segment(face_id)}/crop"
        return (yield from self._send(Call("GET", path, to_params({"scale": scale})))).content
