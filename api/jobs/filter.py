"""Filters of job lists, limited to what the caller may see."""

from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.core.authentication import Caller, require_scope
from api.core.errors import make_invalid_request
from api.core.fields import Moment, RowId, TextFields
from api.jobs.options import Unset
from db.accounts import api_keys
from db.accounts.api_keys import ALL_APPLICATIONS
from db.core.vocabulary import Emotion, JobStatus, Scope
from db.jobs.queries import JobFilter


class JobFilterFields(BaseModel):
    """Filters of jobs."""

    status: JobStatus | Unset = Field(default=None, description="Only jobs with this status.")
    emotion: Emotion | Unset = Field(
        default=None, description="Only jobs with at least one face that appears to express this."
    )
    error_code: str | Unset = Field(
        default=None,
        max_length=50,
        description="Only jobs that ended with this `error.code`.",
        examples=["broken_picture"],
    )
    batch: RowId | Unset = Field(default=None, description="Only jobs of this batch.")
    application: str | Unset = Field(
        default=None,
        max_length=100,
        description="Jobs of this application, or `all`. Any other than the caller's own needs the scope `admin`.",
        examples=["all"],
    )
    created_from: Moment | Unset = Field(
        default=None, description="Only jobs created at this time or later.", examples=["2026-03-01T00:00:00Z"]
    )
    created_before: Moment | Unset = Field(
        default=None, description="Only jobs created before this time.", examples=["2026-04-01T00:00:00Z"]
    )


class JobListQuery(JobFilterFields, TextFields):
    """Which jobs to list."""

    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of jobs per page.")
    cursor: RowId | Unset = Field(default=None, description="Cursor of the page, taken from `next`.")


def make_filter(session: Session, caller: Caller, query: JobFilterFields) -> JobFilter:
    """Convert the query to the database's filter.

    Raises Problem `scope_missing` if the caller may not see that application's jobs, `invalid_request` if the application doesn't
    exist.
    """
    return JobFilter(
        application_id=choose_application_id(session, caller, query.application),
        status=query.status,
        emotion=query.emotion,
        error_code=query.error_code,
        batch_id=query.batch,
        created_from=query.created_from,
        created_before=query.created_before,
    )


def choose_application_id(session: Session, caller: Caller, name: str | None) -> UUID | None:
    """Return the id of the application whose jobs or batches to list, or None for all. Raises as make_filter does."""
    if name is None:
        return caller.application_id
    application_id = None if name == ALL_APPLICATIONS else api_keys.find_application_id(session, name)
    if application_id != caller.application_id:
        require_scope(Scope.ADMIN, or_user=True)
    if application_id is None and name != ALL_APPLICATIONS:
        raise make_invalid_request([{"in": "query", "field": "application", "reason": f"there is no {name!r}"}])
    return application_id
