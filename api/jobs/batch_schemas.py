"""What the API shows of a batch."""

from collections import Counter
from datetime import datetime
from typing import Literal
from uuid import UUID

from flask import url_for
from pydantic import BaseModel, Field

from api.jobs.reading import has_ended
from api.jobs.schemas import Id, JobError, Time, error_to_schema
from db import tables
from db.core.vocabulary import JobStatus

PhotoState = Literal["queued", "running", "succeeded", "failed", "canceled", "refused"]


class BatchPhoto(BaseModel):
    """One photo of a batch: refused, or the state of its job."""

    position: int = Field(description="Its place among the photos sent, from 0.", examples=[0])
    filename: str | None = Field(examples=["team.jpg"])
    state: PhotoState = Field(examples=["succeeded"])
    job_id: UUID | None = Field(description="Its job; null if it was refused.")
    job_url: str | None = Field(examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])
    face_count: int | None = Field(
        description="How many faces were found; null until its job has succeeded.", examples=[3]
    )
    error: JobError | None = Field(description="Why it was refused, or why its job failed or was canceled.")


class BatchCounts(BaseModel):
    """How many photos are in which state."""

    total: int = Field(examples=[2])
    queued: int = Field(examples=[0])
    running: int = Field(examples=[1])
    succeeded: int = Field(examples=[1])
    failed: int = Field(examples=[0])
    canceled: int = Field(examples=[0])
    refused: int = Field(examples=[0])


class Batch(BaseModel):
    """Photos that came in one call. A photo whose job was erased is no longer listed."""

    id: Id
    url: str = Field(examples=["/v1/batches/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])
    created_at: Time
    is_done: bool = Field(description="Whether every photo was refused or its job has ended.", examples=[False])
    counts: BatchCounts
    photos: list[BatchPhoto] = Field(description="In the order sent.")


def batch_to_schema(batch: tables.Batch, jobs: list[tables.Job]) -> Batch:
    """What the API shows of a batch. jobs: those of its photos that were accepted."""
    refused = [
        BatchPhoto(
            position=photo["position"],
            filename=photo["filename"],
            state="refused",
            job_id=None,
            job_url=None,
            face_count=None,
            error=JobError(code=photo["code"], detail=photo["detail"]),
        )
        for photo in batch.refused
    ]
    photos = sorted([*refused, *map(_show_photo, jobs)], key=lambda photo: photo.position)
    counted = Counter(photo.state for photo in photos)
    counts = {status.value: counted[status.value] for status in JobStatus}
    created_at: datetime = batch.created_at
    return Batch(
        id=batch.id,
        url=url_for("batches.read_batch", batch_id=batch.id),
        created_at=created_at,
        is_done=all(map(has_ended, jobs)),
        counts=BatchCounts(total=len(photos), refused=counted["refused"], **counts),
        photos=photos,
    )


def _show_photo(job: tables.Job) -> BatchPhoto:
    return BatchPhoto(
        position=job.batch_position or 0,
        filename=job.filename,
        state=job.status.value,
        job_id=job.id,
        job_url=url_for("jobs.read_job", job_id=job.id),
        face_count=job.face_count,
        error=error_to_schema(job),
    )
