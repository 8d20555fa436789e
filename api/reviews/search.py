"""Queries and forms of the review pages."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from flask import abort, request
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from api.core.fields import LARGEST_NUMBER, Day, RowId
from api.web.queries import Query, begin_day, end_day
from db.core.types import utcnow
from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.filter import ReviewFilter

MOST_IN_A_GRID = 50
_GRID = 30
_MOST_DAYS = 36_500
_MOST_NAMED = 50
_IDS = TypeAdapter(list[RowId])


def _split(given: object) -> object:
    return given.split(",") if isinstance(given, str) else given


class ReviewSearch(Query):
    """Filters of the review queue; empty fields don't restrict. Dates are days in UTC; `until` is inclusive."""

    emotion: Emotion | None = None
    min_confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    max_confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    min_face_px: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    max_face_px: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    model_version: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    days: int | None = Field(default=None, ge=1, le=_MOST_DAYS)
    since: Day | None = None
    until: Day | None = None
    application: RowId | None = None
    batch: RowId | None = None
    job: RowId | None = None
    faces: Annotated[tuple[RowId, ...], BeforeValidator(_split)] = Field(default=(), max_length=_MOST_NAMED)

    def to_query(self) -> dict[str, str]:
        """Convert to query parameters."""
        given = {name: str(value) for name, value in self.model_dump(exclude={"faces"}, exclude_none=True).items()}
        return {**given, "faces": ",".join(map(str, self.faces))} if self.faces else given

    def to_filter(self) -> ReviewFilter:
        """Convert to the database's filter."""
        begins = [begin_day(self.since)] if self.since else []
        if self.days is not None:
            begins.append(utcnow() - timedelta(days=self.days))
        return ReviewFilter(
            created_from=max(begins, default=None),
            created_before=end_day(self.until) if self.until else None,
            application_id=self.application,
            batch_id=self.batch,
            job_id=self.job,
            face_ids=self.faces,
            **self.model_dump(exclude={"days", "since", "until", "application", "batch", "job", "faces"}),
        )


class GridSearch(Query):
    """Filters of the grid."""

    emotion: Emotion = Emotion.HAPPY
    count: int = Field(default=_GRID, ge=1, le=MOST_IN_A_GRID)


def keep_search() -> dict[str, str]:
    """Return the filters that the form carries over from its page."""
    return {name: value for name, value in request.form.items() if name in ReviewSearch.model_fields and value}


def read_uuid(field: str) -> UUID:
    """Read the single id in a form field. Refuses anything else."""
    found = read_uuids(field)
    if len(found) != 1:
        abort(422, f"{field} is no id.")
    return found[0]


def read_uuids(field: str) -> list[UUID]:
    """Read the ids in a form field; there may be none. Refuses anything else."""
    try:
        return _IDS.validate_python(request.form.getlist(field))
    except ValidationError:
        abort(422, f"{field} is no id.")


def read_choice() -> VoteChoice:
    """Read the choice of the form's vote. Refuses unknown choices."""
    try:
        return VoteChoice(request.form.get("choice", ""))
    except ValueError:
        abort(422, "There is no such choice.")
