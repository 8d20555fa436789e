"""Request and response schemas of batches."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import url_for
from pydantic import BaseModel, Field

from api.core.field_types import Id, Time
from api.core.fields import JsonBody, RowId, TextFields
from api.jobs.options import JobOptions, OptionFields, Unset
from api.jobs.schemas import JobError, error_to_schema
from api.photos.inputs import PhotoInput
from db import tables
from db.jobs.batch_actions import Retried
from db.jobs.batches import BatchProgress

PhotoState = Literal["queued", "running", "succeeded", "failed", "canceled", "refused"]

PHOTOS_SHOWN = 1000
"""Photos that are returned with a batch; the others are read in pages."""


class BatchOptions(JobOptions):
    """Options of a batch: those of its jobs, and whether it stays open."""

    open: bool = Field(
        default=False, description="Whether photos can be added in further calls until the batch is closed."
    )


class BatchFields(OptionFields, JsonBody):
    """Photos in JSON, each as a URL or in base64, with the options of their jobs."""

    photos: Annotated[list[PhotoInput], Field(max_length=1000)] = Field(
        default_factory=list, description="The photos, at most `EMOSCOPE_MAX_BATCH_PHOTOS`."
    )


class BatchBody(BatchFields):
    """A new batch in JSON."""

    open: bool = Field(
        default=False,
        description="Whether photos can be added in further calls until the batch is closed. It may start without photos.",
    )


class BatchListQuery(TextFields):
    """Which batches to list."""

    application: str | Unset = Field(
        default=None,
        max_length=100,
        description="Batches of this application, or `all`. Any other than the caller's own needs the scope `admin`.",
        examples=["all"],
    )
    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of batches per page.")
    cursor: RowId | Unset = Field(default=None, description="Cursor of the page, taken from `next`.")


class BatchPhotosQuery(TextFields):
    """Which photos of a batch to list."""

    after: int = Field(default=-1, ge=-1, le=1_000_000, description="Only photos after this position.")
    limit: int = Field(default=200, ge=1, le=PHOTOS_SHOWN, description="Maximum number of photos per page.")


class BatchPhoto(BaseModel):
    """One photo of a batch: the state of its job, or why it was refused."""

    position: int = Field(description="Position in the batch, from 0.", examples=[0])
    filename: str | None = Field(examples=["team.jpg"])
    state: PhotoState = Field(examples=["succeeded"])
    job_id: UUID | None = Field(description="The photo's job; null if the photo was refused.")
    job_url: str | None = Field(examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])
    face_count: int | None = Field(
        description="Number of faces; null until the photo's job has succeeded.", examples=[3]
    )
    error: JobError | None = Field(description="Why the photo was refused, or why its job failed or was canceled.")


class BatchCounts(BaseModel):
    """How many photos are in which state."""

    total: int = Field(examples=[2])
    queued: int = Field(examples=[0])
    running: int = Field(examples=[1])
    succeeded: int = Field(examples=[1])
    failed: int = Field(examples=[0])
    canceled: int = Field(examples=[0])
    refused: int = Field(examples=[0])


class BatchSummary(BaseModel):
    """A batch without its photos. Photos whose jobs were erased are no longer counted."""

    id: Id
    url: str = Field(examples=["/v1/batches/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])
    created_at: Time
    is_open: bool = Field(description="Whether photos can still be added.", examples=[False])
    is_done: bool = Field(description="Whether the batch is closed and every job has ended.", examples=[False])
    finished_at: Time | None = Field(description="When the last job ended; null until then.")
    counts: BatchCounts
    photos_per_s: float | None = Field(
        description="Photos per second since the batch was created; null before the first one.", examples=[31.4]
    )
    left_s: float | None = Field(
        description="Estimated seconds until the photos submitted so far have ended; null before the first one, and at the end.",
        examples=[12.0],
    )


class Batch(BatchSummary):
    """A batch with its photos."""

    photos: list[BatchPhoto] = Field(
        description=f"In the order sent: for a batch, the first {PHOTOS_SHOWN:,}; for a call that adds photos, those of the call."
    )
    photos_url: str = Field(
        description="Address of all photos, in pages.",
        examples=["/v1/batches/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d/photos"],
    )


class BatchPage(BaseModel):
    """A page of batches, newest first."""

    items: list[BatchSummary]
    next: str | None = Field(
        description="Address of the next page; null on the last one.",
        examples=["/v1/batches?cursor=0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"],
    )


class BatchPhotoPage(BaseModel):
    """A page of a batch's photos, in the order sent."""

    items: list[BatchPhoto]
    next: str | None = Field(description="Address of the next page; null on the last one.", examples=[None])


class BatchRetry(BaseModel):
    """The result of a retry."""

    submitted: int = Field(description="Failed photos that were submitted again.", examples=[2])
    gone: int = Field(
        description="Failed photos that couldn't be submitted again because they were deleted.", examples=[0]
    )
    left: int = Field(
        description="Failed photos that are left because the call ran out of time or the queue is full: call again.",
        examples=[0],
    )
    batch: BatchSummary


def summary_to_schema(batch: tables.Batch, progress: BatchProgress) -> BatchSummary:
    """Convert a batch to its summary in a list."""
    return BatchSummary(**_list_fields(batch, progress))


def batch_to_schema(
    batch: tables.Batch, progress: BatchProgress, photos: Sequence[tables.Job | tables.BatchRefusal]
) -> Batch:
    """Convert a batch to its API schema. photos: the photos to include."""
    return Batch(
        **_list_fields(batch, progress),
        photos=[photo_to_schema(photo) for photo in photos],
        photos_url=url_for("batches.list_batch_photos", batch_id=batch.id),
    )


def retry_to_schema(batch: tables.Batch, progress: BatchProgress, retried: Retried) -> BatchRetry:
    """Convert the result of a retry to its API schema."""
    shown = summary_to_schema(batch, progress)
    return BatchRetry(submitted=retried.submitted, gone=retried.gone, left=retried.left, batch=shown)


def is_done(batch: tables.Batch, progress: BatchProgress) -> bool:
    """Return whether a batch is closed and all its jobs have ended."""
    return batch.closed_at is not None and progress.is_idle


def photo_to_schema(photo: tables.Job | tables.BatchRefusal) -> BatchPhoto:
    """Convert a photo of a batch to its API schema."""
    if isinstance(photo, tables.BatchRefusal):
        return BatchPhoto(
            position=photo.position,
            filename=photo.filename,
            state="refused",
            job_id=None,
            job_url=None,
            face_count=None,
            error=JobError(code=photo.code, detail=photo.detail),
        )
    return BatchPhoto(
        position=photo.batch_position or 0,
        filename=photo.filename,
        state=photo.status.value,
        job_id=photo.id,
        job_url=url_for("jobs.read_job", job_id=photo.id),
        face_count=photo.face_count,
        error=error_to_schema(photo),
    )


def _list_fields(batch: tables.Batch, progress: BatchProgress) -> dict[str, Any]:
    return {
        "id": batch.id,
        "url": url_for("batches.read_batch", batch_id=batch.id),
        "created_at": batch.created_at,
        "is_open": batch.closed_at is None,
        "is_done": is_done(batch, progress),
        "finished_at": batch.finished_at,
        "counts": BatchCounts(
            total=progress.total,
            queued=progress.queued,
            running=progress.running,
            succeeded=progress.succeeded,
            failed=progress.failed,
            canceled=progress.canceled,
            refused=progress.refused,
        ),
        "photos_per_s": None if progress.rate is None else round(progress.rate, 3),
        "left_s": None if progress.left_s is None else round(progress.left_s, 1),
    }
