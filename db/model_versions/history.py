"""The curves of a version's training: what training writes into its folder as `history.json`, and pages and API read."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from db.training_runs.documents import CurvePoint

HISTORY_FILE = "history.json"


class TrainingHistory(BaseModel):
    """How a version's training went."""

    model_config = ConfigDict(frozen=True)

    best_epoch: int | None = Field(default=None, description="The epoch whose weights were kept.", examples=[37])
    epochs: list[CurvePoint] = Field(
        description="Loss and accuracy of each epoch, on the training rows and (`val_`) on the validation set; and its seconds.",
    )

    @classmethod
    def read(cls, stored: bytes | str) -> Self:
        """What `to_text` gave. Raises pydantic's ValidationError."""
        return cls.model_validate_json(stored)

    def to_text(self) -> str:
        """As JSON."""
        return self.model_dump_json(indent=1) + "\n"
