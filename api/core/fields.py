"""Fields that several of the API's models share, with the bounds that the database's columns have."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

LARGEST_NUMBER = 2**31 - 1
"""What an integer column holds; a larger number would be an error of the database."""
LARGEST_ID = 2**63 - 1
"""The same of a wide one."""

Number = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years that a calendar has") from None


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
