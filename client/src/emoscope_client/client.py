"""The blocking client."""

import functools
import time
from collections.abc import Callable, Iterator
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


def _blocking(operation: Callable[Concatenate[Operations, _P], Steps[_T]]) -> Callable[Concatenate["Client", _P], _T]:
    """Make a method that executes an operation's steps and returns its result."""

    @functools.wraps(operation)
    def call(self: "Client", /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return self._run(operation(self._operations, *args, **kwargs))

    return call


class Client:
    """A blocking client of an Emoscope API. Thread-safe. Close it, or use it as a context manager."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 30,
        retries: Retries | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        """base_url, api_key: by default EMOSCOPE_API_URL and EMOSCOPE_API_KEY, or those of the service on this machine.

        timeout_s: seconds until a response must arrive, in addition to the time that the service was asked to wait.
        http_client: an httpx.Client of the application's own, for certificates or proxies. It is not closed.
        Raises NoAddress, InvalidAddress.
        """
        self.address = find_address(base_url, api_key)
        self._operations = Operations(self.address.api_url, retries or Retries(), timeout_s)
        self._headers = make_headers(self.address)
        self._is_owner = http_client is None
        self._http = http_client or httpx.Client()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._is_owner:
            self._http.close()

    create_job = _blocking(Operations.create_job)
    analyze = _blocking(Operations.analyze)
    get_job = _blocking(Operations.get_job)
    wait_for_job = _blocking(Operations.wait_for_job)
    get_job_page = _blocking(Operations.get_job_page)
    cancel_job = _blocking(Operations.cancel_job)
    retry_job = _blocking(Operations.retry_job)
    erase_job = _blocking(Operations.erase_job)
    list_job_events = _blocking(Operations.list_job_events)
    get_photo = _blocking(Operations.get_photo)
    get_annotated_photo = _blocking(Operations.get_annotated_photo)
    get_face_crop = _blocking(Operations.get_face_crop)
    create_batch = _blocking(Operations.create_batch)
    get_batch = _blocking(Operations.get_batch)
    wait_for_batch = _blocking(Operations.wait_for_batch)
    get_batch_page = _blocking(Operations.get_batch_page)
    get_batch_photo_page = _blocking(Operations.get_batch_photo_page)
    add_batch_photos = _blocking(Operations.add_batch_photos)
    close_batch = _blocking(Operations.close_batch)
    cancel_batch = _blocking(Operations.cancel_batch)
    retry_batch = _blocking(Operations.retry_batch)
    erase_batch = _blocking(Operations.erase_batch)
    export_rows = _blocking(Operations.export_rows)
    download_rows = _blocking(Operations.download_rows)
    create_export = _blocking(Operations.create_export)
    get_export = _blocking(Operations.get_export)
    wait_for_export = _blocking(Operations.wait_for_export)
    get_export_page = _blocking(Operations.get_export_page)
    get_export_file = _blocking(Operations.get_export_file)
    download_export = _blocking(Operations.download_export)
    delete_export = _blocking(Operations.delete_export)
    list_model_versions = _blocking(Operations.list_model_versions)
    get_model_version = _blocking(Operations.get_model_version)
    get_champion = _blocking(Operations.get_champion)
    create_webhook = _blocking(Operations.create_webhook)
    list_webhooks = _blocking(Operations.list_webhooks)
    get_webhook = _blocking(Operations.get_webhook)
    change_webhook = _blocking(Operations.change_webhook)
    delete_webhook = _blocking(Operations.delete_webhook)
    pause_webhook = _blocking(Operations.pause_webhook)
    resume_webhook = _blocking(Operations.resume_webhook)
    rotate_webhook_secret = _blocking(Operations.rotate_webhook_secret)
    rotate_callback_secret = _blocking(Operations.rotate_callback_secret)
    test_webhook = _blocking(Operations.test_webhook)
    replay_failed_deliveries = _blocking(Operations.replay_failed_deliveries)
    get_webhook_delivery_page = _blocking(Operations.get_webhook_delivery_page)
    get_webhook_delivery = _blocking(Operations.get_webhook_delivery)
    replay_webhook_delivery = _blocking(Operations.replay_webhook_delivery)
    create_key = _blocking(Operations.create_key)
    list_keys = _blocking(Operations.list_keys)
    change_key = _blocking(Operations.change_key)
    rotate_key = _blocking(Operations.rotate_key)
    revoke_key = _blocking(Operations.revoke_key)
    list_key_usage = _blocking(Operations.list_key_usage)
    get_health = _blocking(Operations.get_health)
    get_readiness = _blocking(Operations.get_readiness)

    def list_jobs(self, *, page_size: int | None = None, **filters: Unpack[JobFilters]) -> Iterator[Job]:
        """List all jobs of this application that match the filters, newest first. Pages are read on demand."""
        cursor: str | None = None
        while True:
            page = self.get_job_page(cursor=cursor, limit=page_size, **filters)
            yield from page.items
            cursor = read_cursor(page)
            if cursor is None:
                return

    def list_batches(self, *, page_size: int | None = None, application: str | None = None) -> Iterator[BatchSummary]:
        """List all batches of this application, newest first, without their photos. application: as for jobs."""
        cursor: str | None = None
        while True:
            page = self.get_batch_page(cursor=cursor, limit=page_size, application=application)
            yield from page.items
            cursor = read_cursor(page)
            if cursor is None:
                return

    def list_batch_photos(self, batch_id: UUID | str, *, page_size: int | None = None) -> Iterator[BatchPhoto]:
        """List all photos of a batch, in the order sent."""
        after: int | None = None
        while True:
            page = self.get_batch_photo_page(batch_id, after=after, limit=page_size)
            yield from page.items
            if page.next is None:
                return
            after = page.items[-1].position

    def _run(self, steps: Steps[_T]) -> _T:
        """Execute an operation's steps, and return its result."""
        outcome: Outcome = None
        try:
            while True:
                outcome = self._carry_out(steps.send(outcome))
        except StopIteration as end:
            result: _T = end.value
            return result

    def _save(self, call: Call, path: Path) -> httpx.Response:
        with self._http.stream(**make_request(self.address, self._headers, call)) as response:
            if response.is_success:
                with path.open("wb") as file:
                    for piece in response.iter_bytes():
                        file.write(piece)
            else:
                response.read()
            return response

    def _carry_out(self, step: Step) -> Outcome:
        try:
            match step:
                case Pause():
                    time.sleep(step.seconds)
                    return None
                case ReadFile():
                    return step.path.read_bytes()
                case Call(save_to=Path() as path):
                    return self._save(step, path)
                case Call():
                    return self._http.request(**make_request(self.address, self._headers, step))
        except (OSError, httpx.TransportError) as error:
            return error
