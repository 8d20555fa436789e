"""The filter of an export, as stored with it."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from db.core.vocabulary import Emotion, JobStatus
from db.jobs.queries import JobFilter


class WantedJobs(BaseModel):
    """The filters of the list of jobs. application_id: None for all applications."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    application_id: UUID | None = None
    status: JobStatus | None = None
    error_code: str | None = None
    emotion: Emotion | None = None
    batch_id: UUID | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None

    @classmethod
    def of_filter(cls, wanted: JobFilter) -> "WantedJobs":
        """Build from a filter."""
        return cls(**vars(wanted))

    def to_filter(self) -> JobFilter:
        """Convert to a filter."""
        return JobFilter(**{name: getattr(self, name) for name in type(self).model_fields})
