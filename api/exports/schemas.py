"""Request and response schemas of exports."""

from flask import url_for
from pydantic import BaseModel, Field

from api.core.field_types import Id, Time
from api.core.fields import RowId, TextFields
from api.jobs.filter import JobFilterFields
from api.jobs.options import Unset
from api.jobs.schemas import JobError
from db import tables
from db.core.vocabulary import ExportFormat, ExportRows, JobStatus


class ExportQuery(JobFilterFields, TextFields):
    """Which results to export, and in which format. The filters are those of the list of jobs."""

    rows: ExportRows = Field(
        default=ExportRows.FACES,
        description="A row for each face, or for each job. With `emotion`, only faces that appear to express it.",
    )
    format: ExportFormat = Field(default=ExportFormat.CSV, description="CSV (RFC 4180), or JSON Lines.")


class ExportListQuery(TextFields):
    """Which exports to list."""

    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of exports per page.")
    cursor: RowId | Unset = Field(default=None, description="Cursor of the page, taken from `next`.")


class Export(BaseModel):
    """An export of results to a file."""

    id: Id
    url: str = Field(examples=["/v1/exports/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])
    rows: ExportRows = Field(examples=["faces"])
    format: ExportFormat = Field(examples=["csv"])
    status: JobStatus = Field(description="`queued`, `running`, `succeeded` or `failed`.", examples=["succeeded"])
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    expires_at: Time | None = Field(description="When the file is deleted.")
    jobs_total: int | None = Field(description="Number of jobs to export; null until it has started.", examples=[1000])
    jobs_done: int = Field(description="Jobs exported so far.", examples=[1000])
    row_count: int = Field(description="Rows written so far.", examples=[2314])
    bytes: int | None = Field(description="Size of the file.", examples=[1_204_221])
    sha256: str | None = Field(
        description="Hex SHA-256 of the file.", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2]
    )
    file_url: str | None = Field(
        description="Address of the file; null until it is complete.",
        examples=["/v1/exports/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d/file"],
    )
    error: JobError | None = Field(description="Why it failed.")


class ExportPage(BaseModel):
    """A page of exports, newest first."""

    items: list[Export]
    next: str | None = Field(description="Address of the next page; null on the last one.", examples=[None])


def export_to_schema(export: tables.Export) -> Export:
    """Convert an export to its API schema."""
    has_file = export.status is JobStatus.SUCCEEDED
    return Export(
        id=export.id,
        url=url_for("exports.read_export", export_id=export.id),
        rows=export.rows,
        format=export.format,
        status=export.status,
        created_at=export.created_at,
        started_at=export.started_at,
        finished_at=export.finished_at,
        expires_at=export.expires_at,
        jobs_total=export.jobs_total,
        jobs_done=export.jobs_done,
        row_count=export.row_count,
        bytes=export.byte_count,
        sha256=export.sha256,
        file_url=url_for("exports.read_export_file", export_id=export.id) if has_file else None,
        error=None if export.error_code is None else JobError(code=export.error_code, detail=export.error_detail or ""),
    )
