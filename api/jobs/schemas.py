"""API schemas of jobs, and how they are made from rows."""

from uuid import UUID

from flask import url_for
from pydantic import BaseModel, Field

from api.core.field_types import Id, Path, Time
from api.faces.schemas import Face, face_to_schema
from db import tables
from db.core.vocabulary import (
    Detector,
    JobStatus,
    Priority,
)
from db.jobs.actions import is_photo_kept


class Photo(BaseModel):
    """The photo of a job."""

    filename: str | None = Field(description="File name, as the client sent it.", examples=["team.jpg"])
    source_url: str | None = Field(
        description="The photo's URL, if it was submitted by URL. Until it is fetched, the other fields are null.",
        examples=[None],
    )
    media_type: str | None = Field(description="Media type, recognised by the content.", examples=["image/jpeg"])
    bytes: int | None = Field(examples=[184_233])
    sha256: str | None = Field(
        description="Hex SHA-256 of the bytes.", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2]
    )
    width: int | None = Field(description="Pixels of the upright photo.", examples=[1280])
    height: int | None = Field(description="Pixels of the upright photo.", examples=[853])
    url: str | None = Field(
        description="Address of the photo; null once it is deleted.",
        examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d/image"],
    )
    available_until: Time | None = Field(
        description="When the photo will be deleted; null until the job has ended, and after the deletion."
    )


class JobError(BaseModel):
    """Why a job has no result."""

    code: str = Field(description="Stable, for programs.", examples=["broken_picture"])
    detail: str = Field(description="A sentence for people.", examples=["the picture ends in the middle"])


class Job(BaseModel):
    """One photo to analyse, and its result."""

    id: Id
    url: Path
    application: str = Field(description="The application that the job belongs to.", examples=["shop"])
    status: JobStatus = Field(
        description="`queued`, `running`, `succeeded`, `failed` or `canceled`.", examples=["succeeded"]
    )
    priority: Priority = Field(examples=["interactive"])
    created_at: Time
    started_at: Time | None = Field(description="When the last attempt started.")
    finished_at: Time | None
    deadline_at: Time | None = Field(description="The job is canceled if no worker has started it by this time.")
    attempt: int = Field(description="Number of attempts so far.", examples=[1])
    batch_id: UUID | None = Field(description="The batch of the job, if any.", examples=[None])
    detector: Detector | None = Field(description="The requested detector; null for the service's default.")
    min_face_px: int | None = Field(description="The requested minimum side of a face; null for the service's default.")
    photo: Photo
    faces: list[Face] = Field(
        description="Every face, largest first. Empty until the job has succeeded, and if there is no face."
    )
    face_count: int | None = Field(description="Number of faces; null until the job has succeeded.", examples=[1])
    annotated_url: str | None = Field(
        description="The photo with boxes and labels drawn; null without a result or photo.",
        examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d/annotated"],
    )
    timings_ms: dict[str, float] | None = Field(
        description="Duration of each step of the analysis, in milliseconds.",
        examples=[{"detect": 6.1, "classify": 1.9}],
    )
    error: JobError | None = Field(description="Why the job failed or was canceled.")


class JobPage(BaseModel):
    """Some jobs, newest first."""

    items: list[Job]
    next: str | None = Field(
        description="Address of the next page; null on the last one.",
        examples=["/v1/jobs?status=succeeded&cursor=0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"],
    )


def make_etag(job: tables.Job) -> str:
    """Return an ETag that changes with everything that job_to_schema returns."""
    return f"{job.revision}-{'photo' if is_photo_kept(job) else 'gone'}"


def job_to_schema(job: tables.Job, uncertain_below: float) -> Job:
    """Convert a job to its API schema. uncertain_below: confidence below which a face is marked uncertain."""
    is_kept = is_photo_kept(job)
    is_drawable = is_kept and job.status is JobStatus.SUCCEEDED
    return Job(
        id=job.id,
        url=url_for("jobs.read_job", job_id=job.id),
        application=job.application.name,
        status=job.status,
        priority=job.priority,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        deadline_at=job.deadline_at,
        attempt=job.attempt,
        batch_id=job.batch_id,
        detector=job.detector,
        min_face_px=job.min_face_px,
        photo=_show_photo(job, is_kept=is_kept),
        faces=[face_to_schema(face, uncertain_below) for face in job.faces],
        face_count=job.face_count,
        annotated_url=url_for("pictures.read_annotated", job_id=job.id) if is_drawable else None,
        timings_ms=job.timings_ms,
        error=error_to_schema(job),
    )


def error_to_schema(job: tables.Job) -> JobError | None:
    """Return why a job has no result, or None."""
    return None if job.error_code is None else JobError(code=job.error_code, detail=job.error_detail or "")


def _show_photo(job: tables.Job, *, is_kept: bool) -> Photo:
    return Photo(
        filename=job.filename,
        source_url=job.source_url,
        media_type=job.media_type or None,
        bytes=job.photo_bytes or None,
        sha256=job.photo_sha256 or None,
        width=job.width or None,
        height=job.height or None,
        url=url_for("pictures.read_image", job_id=job.id) if is_kept else None,
        available_until=job.purge_photo_at if is_kept else None,
    )
