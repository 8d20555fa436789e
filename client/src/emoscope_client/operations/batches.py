"""Batches: many photos submitted together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack
from uuid import UUID

from emoscope_client.batches import Batch, BatchPage, BatchPhotoPage, BatchRetry, BatchSummary
from emoscope_client.errors import NotFound
from emoscope_client.operations.requests import Requests, quote_segment
from emoscope_client.options import JobOptions, to_params
from emoscope_client.photos import PhotoSource
from emoscope_client.steps import Call, Steps, read_json
from emoscope_client.waiting import wait


class BatchOperations(Requests):
    """Operations on batches."""

    def create_batch(
        self,
        photos: Sequence[PhotoSource] = (),
        *,
        open: bool = False,  # noqa: A002
        wait_s: float = 0,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Steps[Batch]:
        """Submit many photos in one call. Each is accepted or refused on its own. The options apply to all of them.

        open: whether photos can be added in further calls, until the batch is closed; it may start empty. wait_s: maximum seconds
        to hold the response until the batch is done.
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
        """Add photos to an open batch. Returns the batch with these photos."""
        path = f"/v1/batches/{quote_segment(batch_id)}/photos"
        call = yield from self._make_submission(path, photos, options, idempotency_key, 0, is_batch=True)
        return Batch.from_json(read_json((yield from self._send(call))))

    def get_batch_page(
        self, *, cursor: str | None = None, limit: int | None = None, application: str | None = None
    ) -> Steps[BatchPage]:
        """Read a page of batches, newest first. cursor: `BatchPage.next`'s, for the next page."""
        params = to_params({"application": application, "limit": limit, "cursor": cursor})
        return (yield from self._read(BatchPage, "/v1/batches", params))

    def get_batch_photo_page(
        self, batch_id: UUID | str, *, after: int | None = None, limit: int | None = None
    ) -> Steps[BatchPhotoPage]:
        """Read a page of a batch's photos, after the position `after`."""
        params = to_params({"after": after, "limit": limit})
        return (yield from self._read(BatchPhotoPage, f"/v1/batches/{quote_segment(batch_id)}/photos", params))

    def close_batch(self, batch_id: UUID | str) -> Steps[BatchSummary]:
        """Close a batch: no more photos can be added."""
        return (yield from self._ask(BatchSummary, f"/v1/batches/{quote_segment(batch_id)}/close"))

    def cancel_batch(self, batch_id: UUID | str) -> Steps[BatchSummary]:
        """Close a batch, and cancel its active jobs. If there are very many, the last ones are canceled after the response."""
        return (yield from self._ask(BatchSummary, f"/v1/batches/{quote_segment(batch_id)}/cancel"))

    def retry_batch(self, batch_id: UUID | str) -> Steps[BatchRetry]:
        """Submit the failed photos of a batch again, at their positions. Call it again while some are left."""
        return (yield from self._ask(BatchRetry, f"/v1/batches/{quote_segment(batch_id)}/retry"))

    def erase_batch(self, batch_id: UUID | str) -> Steps[None]:
        """Erase a batch with its jobs, photos and results. If there are very many, the last ones are erased after the response."""
        try:
            yield from self._send(Call("DELETE", f"/v1/batches/{quote_segment(batch_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def get_batch(self, batch_id: UUID | str, *, wait_s: float = 0) -> Steps[Batch]:
        """Read a batch with the state of each photo.

        wait_s: maximum seconds to hold the response until the batch is done.
        """
        return (yield from self._read(Batch, f"/v1/batches/{quote_segment(batch_id)}", held_s=wait_s))

    def wait_for_batch(self, batch: Batch | UUID | str, *, timeout_s: float = 3600) -> Steps[Batch]:
        """Wait until all jobs of a batch have ended."""
        batch_id = batch.id if isinstance(batch, Batch) else batch
        path = f"/v1/batches/{quote_segment(batch_id)}"
        known = batch if isinstance(batch, Batch) else None
        return (yield from wait(self._send_within, Batch, path, known, f"batch {batch_id}", timeout_s))
