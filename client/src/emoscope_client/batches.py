"""Batches, as the API returns them."""

from datetime import datetime
from uuid import UUID

from emoscope_client.jobs import JobError
from emoscope_client.result import Result
from emoscope_client.vocabulary import PhotoState


class BatchPhoto(Result):
    """One photo of a batch. position: in the order sent, from 0. job_id: None if the photo was refused."""

    position: int
    filename: str | None
    state: PhotoState
    job_id: UUID | None
    job_url: str | None
    face_count: int | None
    error: JobError | None


class BatchCounts(Result):
    """Number of photos by state."""

    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    canceled: int
    refused: int


class BatchSummary(Result):
    """A batch without its photos.

    is_open: whether photos can be added.
    is_done: whether it is closed, and each photo was refused or its job has ended.
    photos_per_s: ended photos per second since its creation.
    left_s: seconds until the rest has ended, at that rate.
    """

    id: UUID
    url: str
    created_at: datetime
    is_open: bool
    is_done: bool
    finished_at: datetime | None
    counts: BatchCounts
    photos_per_s: float | None
    left_s: float | None


class Batch(Result):
    """A batch with its first photos, or with those added by the call. All photos: `client.list_batch_photos(batch.id)`.

    The other fields are those of BatchSummary. The faces are in the jobs: `client.list_jobs(batch=batch.id)`.
    """

    id: UUID
    url: str
    created_at: datetime
    is_open: bool
    is_done: bool
    finished_at: datetime | None
    counts: BatchCounts
    photos_per_s: float | None
    left_s: float | None
    photos: tuple[BatchPhoto, ...]
    photos_url: str


class BatchPage(Result):
    """A page of batches, newest first. next: URL of the next page; None on the last."""

    items: tuple[BatchSummary, ...]
    next: str | None


class BatchPhotoPage(Result):
    """A page of a batch's photos, in the order sent. next: URL of the next page; None on the last."""

    items: tuple[BatchPhoto, ...]
    next: str | None


class BatchRetry(Result):
    """Result of a retry. submitted: photos submitted again. gone: deleted photos. left: call again for these."""

    submitted: int
    gone: int
    left: int
    batch: BatchSummary
