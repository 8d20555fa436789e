"""Exports, as the API describes them."""

from datetime import datetime
from uuid import UUID

from emoscope_client.jobs import JobError
from emoscope_client.result import Result
from emoscope_client.vocabulary import ExportFormat, ExportRows, JobStatus


class Export(Result):
    """Results that are written to a file. jobs_done of jobs_total are looked at. bytes, sha256: of the file."""

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
        """Whether nothing more will happen."""
        return self.status in {"succeeded", "failed", "canceled"}


class ExportPage(Result):
    """Some exports, newest first. next: address of the next page; None on the last."""

    items: tuple[Export, ...]
    next: str | None
