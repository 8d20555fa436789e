"""Types of fields that many schemas have, with examples for the API document."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

Time = Annotated[datetime, Field(examples=["2026-03-01T12:00:00.250000Z"])]
Path = Annotated[str, Field(examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])]
Id = Annotated[UUID, Field(examples=["0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])]
