"""Options of jobs and filters of lists, as query parameters."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from emoscope_client.vocabulary import Emotion, JobStatus, Priority


class JobOptions(TypedDict, total=False):
    """Options of a job. None or missing uses the service's default.

    detector: face detector.
    min_face_px: minimum side of a face, in pixels.
    priority: `bulk` if nobody waits for the result.
    photo_retention_s: seconds for which the photo is kept after the job has ended.
    deadline_s: seconds after which the job is canceled if no worker has started it.
    callback_url: URL that is called when the job has ended.
    """

    detector: str | None
    min_face_px: int | None
    priority: Priority | None
    photo_retention_s: float | None
    deadline_s: float | None
    callback_url: str | None


class JobFilters(TypedDict, total=False):
    """Which jobs to list. None or missing doesn't filter.

    emotion: at least one face appears to express it.
    batch: id of a batch.
    created_from, created_before: datetimes with a time zone.
    application: a name, or `all`; any other than the key's own needs the scope `admin`.
    """

    status: JobStatus | None
    emotion: Emotion | None
    error_code: str | None
    batch: UUID | str | None
    application: str | None
    created_from: datetime | None
    created_before: datetime | None


def to_params(given: Mapping[str, object]) -> dict[str, str]:
    """Convert options to query parameters, without those that are None."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in given.items()
        if value is not None
    }
