"""Fields that several of the API's models share, with the bounds that the database's columns have."""

from typing import Annotated

from pydantic import Field

from api.job_filter import Moment

__all__ = ["Moment", "Number", "Reason"]

Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]
