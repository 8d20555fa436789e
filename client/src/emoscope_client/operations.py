"""Every operation of the API that the clients offer, as steps. `Client` and `AsyncClient` take signatures and docstrings from here.

All operations raise ApiError where the API refuses, and ServiceUnreachable where it does not answer. Those that take photos raise
OSError for one that can't be read. Those that wait raise WaitTimeout.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import TypeVar, Unpack
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID, uuid4

import httpx

from emoscope_client.batches import Batch, BatchPage, BatchPhotoPage, BatchRetry, BatchSummary
from emoscope_client.errors import Conflict, NotFound
from emoscope_client.exports import Export, ExportPage
from emoscope_client.health import Alive, Ready
from emoscope_client.jobs import Job, JobEventList, JobPage
from emoscope_client.keys import Key, KeyList, KeyMade, KeyTerms, UsageList, describe_terms
from emoscope_client.model_versions import ModelVersion, ModelVersionList
from emoscope_client.options import JobFilters, JobOptions, to_params
from emoscope_client.photos import PhotoSource, describe_photos, is_url, read_photos
from emoscope_client.result import Result
from emoscope_client.steps import Call, Patience, Retries, Steps, read_json, send
from emoscope_client.vocabulary import ExportFormat, ExportRows, Purpose, Scope
from emoscope_client.waiting import LONGEST_HOLD_S, wait
from emoscope_client.webhooks import (
    DeliveryFilters,
    Replayed,
    SigningSecret,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookList,
    WebhookMade,
)

_R = TypeVar("_R", bound=Result)


@dataclass(frozen=True)
class Operations:
    """The operations of the API at an address.

    timeout_s: seconds that an answer may take, besides what the API was asked to wait.
    """

    address: str
    retries: Retries
    timeout_s: float

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
        """Read a job. wait_s: let the API hold the answer until the job changes, at most that long."""
        return (yield from self._read(Job, f"/v1/jobs/{_quote(job_id)}", held_s=wait_s))

    def wait_for_job(self, job: Job | UUID | str, *, timeout_s: float = 300) -> Steps[Job]:
        """Wait until a job has ended. Returns it, whether it succeeded or not."""
        job_id = job.id if isinstance(job, Job) else job
        path = f"/v1/jobs/{_quote(job_id)}"
        known = job if isinstance(job, Job) else None
        return (yield from wait(self._send_within, Job, path, known, f"job {job_id}", timeout_s))

    def get_job_page(
        self, *, cursor: str | None = None, limit: int | None = None, **filters: Unpack[JobFilters]
    ) -> Steps[JobPage]:
        """Read a page of jobs, newest first. cursor: that of `JobPage.next`, for the page after it."""
        params = to_params({**filters, "limit": limit, "cursor": cursor})
        return (yield from self._read(JobPage, "/v1/jobs", params))

    def cancel_job(self, job_id: UUID | str) -> Steps[Job]:
        """Cancel a job that has not ended."""
        try:
            response = yield from self._send(Call("POST", f"/v1/jobs/{_quote(job_id)}/cancel"))
        except Conflict as error:
            if not error.may_be_done:
                raise
            job = yield from self.get_job(job_id)
            if job.status != "canceled":
                raise
            return job  # by an earlier try whose answer was lost
        return Job.from_json(read_json(response))

    def retry_job(self, job_id: UUID | str) -> Steps[Job]:
        """Submit a job's photo again, as a new job with the same options. Returns the new job.

        After a lost answer it is not tried again, since that could make two jobs: ServiceUnreachable has `may_be_done`.
        """
        response = yield from self._send(Call("POST", f"/v1/jobs/{_quote(job_id)}/retry", is_repeatable=False))
        return Job.from_json(read_json(response))

    def erase_job(self, job_id: UUID | str) -> Steps[None]:
        """Erase a job: its photo, crops and rows."""
        try:
            yield from self._send(Call("DELETE", f"/v1/jobs/{_quote(job_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def list_job_events(self, job_id: UUID | str) -> Steps[JobEventList]:
        """Read what happened to a job: each change of its status, oldest first."""
        return (yield from self._read(JobEventList, f"/v1/jobs/{_quote(job_id)}/events"))

    def get_photo(self, job_id: UUID | str) -> Steps[bytes]:
        """Read a job's photo as it was submitted."""
        return (yield from self._send(Call("GET", f"/v1/jobs/{_quote(job_id)}/image"))).content

    def get_annotated_photo(self, job_id: UUID | str, *, max_side: int | None = None) -> Steps[bytes]:
        """Read a job's photo with boxes and labels drawn: a JPEG. max_side: its longest side in pixels."""
        path = f"/v1/jobs/{_quote(job_id)}/annotated"
        return (yield from self._send(Call("GET", path, to_params({"max_side": max_side})))).content

    def get_face_crop(self, face_id: UUID | str, *, scale: int | None = None) -> Steps[bytes]:
        """Read a face as the model saw it: a PNG, grey, 48 x 48 pixels, each drawn `scale` pixels wide."""
        path = f"/v1/faces/{_quote(face_id)}/crop"
        return (yield from self._send(Call("GET", path, to_params({"scale": scale})))).content

    def create_batch(
        self,
        photos: Sequence[PhotoSource] = (),
        *,
        open: bool = False,  # noqa: A002
        wait_s: float = 0,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Steps[Batch]:
        """Submit many photos in one call. Each is accepted or refused by itself. The options hold for all of them.

        open: take photos in further calls, until the batch is closed; it may begin without any.
        wait_s: be answered when it is done, at most that much later.
        """
        call = yield from self._make_submission("/v1/batches", photos, options, idempotency_key, wait_s, is_batch=True)
        if open:
            call = replace(call, params={**call.params, "open": "true"})
        return Batch.from_json(read_json((yield from self._send(call))))

    def add_batch_photos(
        self,
        batch_id: UUID | str,
        photos: Sequence[PhotoSource],
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Steps[Batch]:
        """Add photos to a batch that is open. Returns the batch with these photos."""
        path = f"/v1/batches/{_quote(batch_id)}/photos"
        call = yield from self._make_submission(path, photos, options, idempotency_key, 0, is_batch=True)
        return Batch.from_json(read_json((yield from self._send(call))))

    def get_batch_page(
        self, *, cursor: str | None = None, limit: int | None = None, application: str | None = None
    ) -> Steps[BatchPage]:
        """Read a page of batches, newest first. cursor: that of `BatchPage.next`, for the page after it."""
        params = to_params({"application": application, "limit": limit, "cursor": cursor})
        return (yield from self._read(BatchPage, "/v1/batches", params))

    def get_batch_photo_page(
        self, batch_id: UUID | str, *, after: int | None = None, limit: int | None = None
    ) -> Steps[BatchPhotoPage]:
        """Read a page of the photos of a batch, from the one behind the position `after`."""
        params = to_params({"after": after, "limit": limit})
        return (yield from self._read(BatchPhotoPage, f"/v1/batches/{_quote(batch_id)}/photos", params))

    def close_batch(self, batch_id: UUID | str) -> Steps[BatchSummary]:
        """Let a batch take no more photos."""
        return (yield from self._ask(BatchSummary, f"/v1/batches/{_quote(batch_id)}/close"))

    def cancel_batch(self, batch_id: UUID | str) -> Steps[BatchSummary]:
        """Close a batch, and cancel its jobs that have not ended. Of very many, the last ones are canceled after the answer."""
        return (yield from self._ask(BatchSummary, f"/v1/batches/{_quote(batch_id)}/cancel"))

    def retry_batch(self, batch_id: UUID | str) -> Steps[BatchRetry]:
        """Submit the failed photos of a batch again, in their places. Call it again while some are left."""
        return (yield from self._ask(BatchRetry, f"/v1/batches/{_quote(batch_id)}/retry"))

    def erase_batch(self, batch_id: UUID | str) -> Steps[None]:
        """Erase a batch with its jobs, photos and results. Of very many, the last ones go after the answer."""
        try:
            yield from self._send(Call("DELETE", f"/v1/batches/{_quote(batch_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def export_rows(
        self,
        *,
        rows: ExportRows = "faces",
        format: ExportFormat = "csv",  # noqa: A002
        **filters: Unpack[JobFilters],
    ) -> Steps[bytes]:
        """Read results as CSV or JSON Lines, a row for each face or job. For many, see create_export."""
        params = to_params({**filters, "rows": rows, "format": format})
        return (yield from self._send(Call("GET", "/v1/exports/rows", params))).content

    def download_rows(
        self,
        path: str | PathLike[str],
        *,
        rows: ExportRows = "faces",
        format: ExportFormat = "csv",  # noqa: A002
        **filters: Unpack[JobFilters],
    ) -> Steps[None]:
        """Write results to `path`, piece by piece, as export_rows reads them. Raises OSError if it can't be written."""
        params = to_params({**filters, "rows": rows, "format": format})
        yield from self._send(Call("GET", "/v1/exports/rows", params, save_to=Path(path)))

    def create_export(
        self,
        *,
        rows: ExportRows = "faces",
        format: ExportFormat = "csv",  # noqa: A002
        **filters: Unpack[JobFilters],
    ) -> Steps[Export]:
        """Have results written to a file. Wait for its end, then download it.

        After a lost answer it is not tried again, since that could make two: ServiceUnreachable has `may_be_done`.
        """
        params = to_params({**filters, "rows": rows, "format": format})
        response = yield from self._send(Call("POST", "/v1/exports", params, is_repeatable=False))
        return Export.from_json(read_json(response))

    def get_export(self, export_id: UUID | str, *, wait_s: float = 0) -> Steps[Export]:
        """Read an export. wait_s: let the API hold the answer until it has ended, at most that long."""
        return (yield from self._read(Export, f"/v1/exports/{_quote(export_id)}", held_s=wait_s))

    def wait_for_export(self, export: Export | UUID | str, *, timeout_s: float = 3600) -> Steps[Export]:
        """Wait until an export has ended. Returns it, whether it succeeded or not."""
        export_id = export.id if isinstance(export, Export) else export
        path = f"/v1/exports/{_quote(export_id)}"
        known = export if isinstance(export, Export) else None
        return (yield from wait(self._send_within, Export, path, known, f"export {export_id}", timeout_s))

    def get_export_page(self, *, cursor: str | None = None, limit: int | None = None) -> Steps[ExportPage]:
        """Read a page of exports, newest first. cursor: that of `ExportPage.next`, for the page after it."""
        return (yield from self._read(ExportPage, "/v1/exports", to_params({"limit": limit, "cursor": cursor})))

    def get_export_file(self, export_id: UUID | str) -> Steps[bytes]:
        """Read the file of an export into memory."""
        return (yield from self._send(Call("GET", f"/v1/exports/{_quote(export_id)}/file"))).content

    def download_export(self, export_id: UUID | str, path: str | PathLike[str]) -> Steps[None]:
        """Write the file of an export to `path`, piece by piece. Raises OSError if it can't be written."""
        yield from self._send(Call("GET", f"/v1/exports/{_quote(export_id)}/file", save_to=Path(path)))

    def delete_export(self, export_id: UUID | str) -> Steps[None]:
        """Delete an export with its file, or withdraw it."""
        try:
            yield from self._send(Call("DELETE", f"/v1/exports/{_quote(export_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def get_batch(self, batch_id: UUID | str, *, wait_s: float = 0) -> Steps[Batch]:
        """Read a batch with the state of each photo.

        wait_s: let the API hold the answer until the batch is done, at most that long.
        """
        return (yield from self._read(Batch, f"/v1/batches/{_quote(batch_id)}", held_s=wait_s))

    def wait_for_batch(self, batch: Batch | UUID | str, *, timeout_s: float = 3600) -> Steps[Batch]:
        """Wait until all jobs of a batch have ended."""
        batch_id = batch.id if isinstance(batch, Batch) else batch
        path = f"/v1/batches/{_quote(batch_id)}"
        known = batch if isinstance(batch, Batch) else None
        return (yield from wait(self._send_within, Batch, path, known, f"batch {batch_id}", timeout_s))

    def list_model_versions(self) -> Steps[ModelVersionList]:
        """List all model versions, newest first."""
        return (yield from self._read(ModelVersionList, "/v1/model-versions"))

    def get_model_version(self, number: int) -> Steps[ModelVersion]:
        """Read a model version."""
        return (yield from self._read(ModelVersion, f"/v1/model-versions/{number}"))

    def get_champion(self) -> Steps[ModelVersion]:
        """Read the model version in service."""
        return (yield from self._read(ModelVersion, "/v1/model-versions/champion"))

    def create_webhook(
        self,
        url: str,
        events: Sequence[str],
        *,
        description: str = "",
        include_faces: bool = False,
        application: str | None = None,
    ) -> Steps[WebhookMade]:
        """Add a webhook endpoint. Returns it with its secret, which can't be read again.

        events: such as `job.succeeded`. application: whose; another than the key's own needs the scope `admin`. After a lost answer
        it is not tried again, since that could add two: ServiceUnreachable has `may_be_done`.
        """
        body = {
            "url": url,
            "events": list(events),
            "description": description,
            "include_faces": include_faces,
            **({} if application is None else {"application": application}),
        }
        return (yield from self._post(WebhookMade, "/v1/webhooks", body))

    def list_webhooks(self) -> Steps[WebhookList]:
        """List webhook endpoints, oldest first."""
        return (yield from self._read(WebhookList, "/v1/webhooks"))

    def get_webhook(self, webhook_id: UUID | str) -> Steps[Webhook]:
        """Read a webhook endpoint."""
        return (yield from self._read(Webhook, f"/v1/webhooks/{_quote(webhook_id)}"))

    def change_webhook(
        self,
        webhook_id: UUID | str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        include_faces: bool | None = None,
    ) -> Steps[Webhook]:
        """Change what is given of a webhook endpoint."""
        given = {
            "url": url,
            "events": None if events is None else list(events),
            "description": description,
            "include_faces": include_faces,
        }
        body = {name: value for name, value in given.items() if value is not None}
        call = Call("PATCH", f"/v1/webhooks/{_quote(webhook_id)}", json=body)
        return Webhook.from_json(read_json((yield from self._send(call))))

    def delete_webhook(self, webhook_id: UUID | str) -> Steps[None]:
        """Delete a webhook endpoint with its deliveries."""
        try:
            yield from self._send(Call("DELETE", f"/v1/webhooks/{_quote(webhook_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def pause_webhook(self, webhook_id: UUID | str) -> Steps[Webhook]:
        """Pause a webhook endpoint. What happens meanwhile waits."""
        response = yield from self._send(Call("POST", f"/v1/webhooks/{_quote(webhook_id)}/pause"))
        return Webhook.from_json(read_json(response))

    def resume_webhook(self, webhook_id: UUID | str) -> Steps[Webhook]:
        """Call a webhook endpoint again, with what waited first."""
        response = yield from self._send(Call("POST", f"/v1/webhooks/{_quote(webhook_id)}/resume"))
        return Webhook.from_json(read_json(response))

    def rotate_webhook_secret(self, webhook_id: UUID | str, *, overlap_s: float = 24 * 3600) -> Steps[SigningSecret]:
        """Replace the secret of a webhook endpoint. Both sign while the overlap lasts."""
        path = f"/v1/webhooks/{_quote(webhook_id)}/rotate"
        return (yield from self._post(SigningSecret, path, {"overlap_s": overlap_s}))

    def rotate_callback_secret(self, *, overlap_s: float = 24 * 3600) -> Steps[SigningSecret]:
        """Replace the secret that signs the calls of jobs' `callback_url`. Both sign while the overlap lasts."""
        return (yield from self._post(SigningSecret, "/v1/webhooks/callback-secret/rotate", {"overlap_s": overlap_s}))

    def test_webhook(self, webhook_id: UUID | str) -> Steps[WebhookDelivery]:
        """Send a test event to a webhook endpoint. Returns its delivery, pending."""
        return (yield from self._post(WebhookDelivery, f"/v1/webhooks/{_quote(webhook_id)}/test", None))

    def replay_failed_deliveries(self, webhook_id: UUID | str, *, since: datetime) -> Steps[Replayed]:
        """Send every event of `since` or later again that a webhook endpoint never took. At most 1,000 in one call."""
        path = f"/v1/webhooks/{_quote(webhook_id)}/replay-failed"
        return (yield from self._post(Replayed, path, {"since": since.isoformat()}))

    def get_webhook_delivery_page(
        self, *, cursor: str | None = None, limit: int | None = None, **filters: Unpack[DeliveryFilters]
    ) -> Steps[WebhookDeliveryPage]:
        """Read a page of webhook deliveries, newest first. cursor: that of `next`, for the page after it."""
        params = to_params({**filters, "limit": limit, "cursor": cursor})
        return (yield from self._read(WebhookDeliveryPage, "/v1/webhook-deliveries", params))

    def get_webhook_delivery(self, delivery_id: UUID | str) -> Steps[WebhookDelivery]:
        """Read a webhook delivery."""
        return (yield from self._read(WebhookDelivery, f"/v1/webhook-deliveries/{_quote(delivery_id)}"))

    def replay_webhook_delivery(self, delivery_id: UUID | str) -> Steps[WebhookDelivery]:
        """Send a delivery's event to its endpoint again. Returns the new delivery, pending."""
        path = f"/v1/webhook-deliveries/{_quote(delivery_id)}/replay"
        return (yield from self._post(WebhookDelivery, path, None))

    def create_key(
        self,
        application: str,
        *,
        scopes: Sequence[Scope] = ("submit",),
        is_test: bool = False,
        purpose: Purpose | None = None,
        **terms: Unpack[KeyTerms],
    ) -> Steps[KeyMade]:
        """Make an API key for an application, which is made if there is none of that name. Needs the scope `admin`, as all on keys.

        is_test: for a test key, whose jobs are never real. purpose: what the application declares to be used for.
        """
        body = {"application": application, "scopes": list(scopes), "is_test": is_test, **describe_terms(terms)}
        return (yield from self._post(KeyMade, "/v1/keys", body if purpose is None else {**body, "purpose": purpose}))

    def list_keys(self) -> Steps[KeyList]:
        """List API keys, also those revoked."""
        return (yield from self._read(KeyList, "/v1/keys"))

    def change_key(self, prefix: str, **terms: Unpack[KeyTerms]) -> Steps[Key]:
        """Give an API key these terms in place of those it has."""
        call = Call("PUT", f"/v1/keys/{_quote(prefix)}", json=describe_terms(terms))
        return Key.from_json(read_json((yield from self._send(call))))

    def rotate_key(self, prefix: str, *, overlap_s: float = 24 * 3600) -> Steps[KeyMade]:
        """Replace an API key by one with the same scopes and terms. Both are valid while the overlap lasts."""
        return (yield from self._post(KeyMade, f"/v1/keys/{_quote(prefix)}/rotate", {"overlap_s": overlap_s}))

    def revoke_key(self, prefix: str) -> Steps[None]:
        """End an API key."""
        try:
            yield from self._send(Call("DELETE", f"/v1/keys/{_quote(prefix)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def list_key_usage(
        self,
        *,
        key: str | None = None,
        application: str | None = None,
        first_day: date | None = None,
        last_day: date | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Steps[UsageList]:
        """Read what was done with API keys by day, latest day first: a page of at most 1,000 rows.

        key: the first characters of one. cursor: that of `UsageList.next`, for the page after it.
        """
        days = {"first_day": first_day, "last_day": last_day}
        given = {"key": key, "application": application, **days, "limit": limit, "cursor": cursor}
        return (yield from self._read(UsageList, "/v1/keys/usage", to_params(given)))

    def get_health(self) -> Steps[Alive]:
        """Ask whether the API's process answers."""
        return (yield from self._read(Alive, "/healthz"))

    def get_readiness(self) -> Steps[Ready]:
        """Ask whether the service can analyse photos, without a second try.

        Raises ServerError with the code `not_ready` if it can't; its message says what is missing.
        """
        patience = Patience(1, time.monotonic())
        return Ready.from_json(read_json((yield from self._send_within(Call("GET", "/readyz"), patience))))

    def _ask(self, kind: type[_R], path: str) -> Steps[_R]:
        """Ask for what may be asked for twice."""
        return kind.from_json(read_json((yield from self._send(Call("POST", path)))))

    def _make_submission(
        self,
        path: str,
        photos: Sequence[PhotoSource],
        options: JobOptions,
        key: str | None,
        wait_s: float,
        *,
        is_batch: bool = False,
    ) -> Steps[Call]:
        """Prepare a submission. It may be repeated, since its Idempotency-Key makes sure of one job."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        held_s = math.ceil(min(max(wait_s, 0), LONGEST_HOLD_S))  # whole seconds alone are allowed (RFC 7240, 4.3)
        if held_s:
            headers["Prefer"] = f"wait={held_s}"
        if not photos or any(map(is_url, photos)):
            described = yield from describe_photos(photos)
            body: dict[str, object] = {"photos": described} if is_batch else {**described[0]}
            return Call("POST", path, to_params(options), headers, held_s=held_s, json=body)
        files = yield from read_photos(photos)
        return Call("POST", path, to_params(options), headers, files, held_s)

    def _read(
        self, kind: type[_R], path: str, params: Mapping[str, str] | None = None, *, held_s: float = 0
    ) -> Steps[_R]:
        held_s = min(max(held_s, 0), LONGEST_HOLD_S)
        waiting = {"wait": f"{held_s:g}"} if held_s else {}
        call = Call("GET", path, {**(params or {}), **waiting}, held_s=held_s)
        return kind.from_json(read_json((yield from self._send(call))))

    def _post(self, kind: type[_R], path: str, body: Mapping[str, object] | None) -> Steps[_R]:
        """Make something that a second request would make again."""
        call = Call("POST", path, json=body, is_repeatable=False)
        return kind.from_json(read_json((yield from self._send(call))))

    def _send(self, call: Call) -> Steps[httpx.Response]:
        patience = Patience(self.retries.tries, time.monotonic() + self.retries.longest_total_s)
        return self._send_within(call, patience)

    def _send_within(self, call: Call, patience: Patience) -> Steps[httpx.Response]:
        return send(replace(call, timeout_s=self.timeout_s), self.retries, patience, self.address)


def read_cursor(page: JobPage | BatchPage | ExportPage | WebhookDeliveryPage) -> str | None:
    """The cursor of the page after this one, or None after the last.

    Only the query of `next` counts: its path may begin with a proxy's prefix, which the client's own address has too.
    """
    found = parse_qs(urlsplit(page.next or "").query).get("cursor")
    return found[0] if found else None


def _quote(identifier: UUID | str) -> str:
    return quote(str(identifier), safe="")
