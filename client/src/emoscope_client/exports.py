"""Exports, as the API returns them."""

from datetime import datetime
from uuid import UUID

from emoscope_client.jobs import JobError
from emoscope_client.result import Result
from emoscope_client.vocabulary import ExportFormat, ExportRows, JobStatus


class Export(Result):
    """An export of results to a file. jobs_done: exported so far, of jobs_total. bytes, sha256: of the file."""

    id: UUID
    url: str
    rows: ExportRows
    format: ExportFormat
    status: JobStatus
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    jobs_total: int | None
    jobs_done: int
    row_count: int
    bytes: int | None
    sha256: str | None
    file_url: str | None
    error: JobError | None

    @property
    def has_ended(self) -> bool:
        """Whether the export has ended."""
        return self.status in {"succeeded", "failed", "canceled"}


class ExportPage(Result):
    """A page of exports, newest first. next: URL of the next page; None on the last."""

    items: tuple[Export, ...]
    next: str | None
