"""Batches, as the API describes them."""

from datetime import datetime
from uuid import UUID

from emoscope_client.jobs import JobError
from emoscope_client.result import Result
from emoscope_client.vocabulary import PhotoState


class BatchPhoto(Result):
    """One photo of a batch. position: its rank in the submission, from 0. job_id: None if the photo was refused."""

    position: int
    filename: str | None
    state: PhotoState
    job_id: UUID | None
    job_url: str | None
    face_count: int | None
    error: JobError | None


class BatchCounts(Result):
    """How many photos are in which state."""

    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    canceled: int
    refused: int


class BatchSummary(Result):
    """Photos that belong together, without the photos.

    is_open: whether it takes more photos. is_done: whether it is closed, and every photo was refused or its job has ended.
    photos_per_s: photos that ended each second since it was made. left_s: seconds until the rest has ended, at that rate.
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
    """A batch, with its first photos or those of the call that added some. The rest: `client.list_batch_photos(batch.id)`.

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
    """Some batches, newest first. next: address of the next page; None on the last."""

    items: tuple[BatchSummary, ...]
    next: str | None


class BatchPhotoPage(Result):
    """Some photos of a batch, in the order sent. next: address of the next page; None on the last."""

    items: tuple[BatchPhoto, ...]
    next: str | None


class BatchRetry(Result):
    """What came of a retry. submitted: photos submitted again. gone: no longer kept. left: call again for these."""

    submitted: int
    gone: int
    left: int
    batch: BatchSummary
