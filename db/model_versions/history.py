"""Training history of a version: training writes it to `history.json`; pages and API read it."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from db.training_runs.documents import CurvePoint


class TrainingHistory(BaseModel):
    """Training history of a version."""

    model_config = ConfigDict(frozen=True)

    best_epoch: int | None = Field(default=None, description="The epoch whose weights were kept.", examples=[37])
    epochs: list[CurvePoint] = Field(
        description="Loss and accuracy of each epoch, on training rows and (`val_`) validation set; and its duration in seconds.",
    )

    @classmethod
    def read(cls, stored: bytes | str) -> Self:
        """Parse the output of `to_text`. Raises pydantic's ValidationError."""
        return cls.model_validate_json(stored)

    def to_text(self) -> str:
        """Return it as JSON."""
        return self.model_dump_json(indent=1) + "\n"
