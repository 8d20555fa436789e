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


class Batch(Result):
    """Photos submitted in one call. is_done: whether every photo was refused or its job has ended.

    The faces are in the jobs: `client.list_jobs(batch=batch.id)`.
    """

    id: UUID
    url: str
    created_at: datetime
    is_done: bool
    counts: BatchCounts
    photos: tuple[BatchPhoto, ...]
