"""The table of exports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from db.core.base import Base
from db.core.types import Word, utcnow
from db.core.vocabulary import ExportFormat, ExportRows, JobStatus


class Export(Base):
    """An export to a file. Only `db/exports/actions.py` changes its status; the values are those of jobs."""

    __tablename__ = "exports"
    __table_args__ = (
        Index(None, "application_id", "id"),
        Index(None, "status", "lease_expires_at"),
        Index(None, "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    """Who created it; `wanted` says whose jobs it contains."""
    rows: Mapped[ExportRows] = mapped_column(Word(ExportRows))
    format: Mapped[ExportFormat] = mapped_column(Word(ExportFormat))
    wanted: Mapped[dict[str, Any]]
    """A `db.exports.documents.WantedJobs`."""
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.QUEUED)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    """When file and row are deleted."""
    attempt: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None]
    jobs_total: Mapped[int | None]
    """Jobs to export, as counted at the start."""
    jobs_done: Mapped[int] = mapped_column(default=0)
    row_count: Mapped[int] = mapped_column(default=0)
    byte_count: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_detail: Mapped[str | None] = mapped_column(Text)
