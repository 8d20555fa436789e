"""What the pages of reviews are asked for: which faces, and which votes on them."""

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
    """Which faces the reviewer wants; what is empty doesn't restrict. Dates are days of UTC; `until` is the last one."""

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
        """The same as an address has it."""
        given = {name: str(value) for name, value in self.model_dump(exclude={"faces"}, exclude_none=True).items()}
        return {**given, "faces": ",".join(map(str, self.faces))} if self.faces else given

    def to_filter(self) -> ReviewFilter:
        """The same for the database."""
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
    """Which faces a grid shows."""

    emotion: Emotion = Emotion.HAPPY
    count: int = Field(default=_GRID, ge=1, le=MOST_IN_A_GRID)


def keep_search() -> dict[str, str]:
    """What the form says of the search that its page was opened with."""
    return {name: value for name, value in request.form.items() if name in ReviewSearch.model_fields and value}


def read_uuid(field: str) -> UUID:
    """The one id in a field of the form. Anything else is refused."""
    found = read_uuids(field)
    if len(found) != 1:
        abort(422, f"{field} is no id.")
    return found[0]


def read_uuids(field: str) -> list[UUID]:
    """The ids in a field of the form, none or many. Anything else is refused."""
    try:
        return _IDS.validate_python(request.form.getlist(field))
    except ValidationError:
        abort(422, f"{field} is no id.")


def read_choice() -> VoteChoice:
    """What the form's vote says. Anything else is refused."""
    try:
        return VoteChoice(request.form.get("choice", ""))
    except ValueError:
        abort(422, "There is no such choice.")
