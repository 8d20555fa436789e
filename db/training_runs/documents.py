"""The JSON documents of a training run, as who writes and who reads them share them.

Whatever a release adds has a default, so that runs of earlier releases are still read; what this release doesn't know is ignored.
"""

from math import isfinite
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite_or_none(value: Any) -> Any:
    """JSON has no word for NaN and the infinite numbers: PostgreSQL refuses them, and browsers can't read them."""
    return None if isinstance(value, float) and not isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite_or_none)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def read(cls, stored: dict[str, Any] | None) -> Self:
        """What a JSON column holds; the defaults where it is empty. Raises pydantic's ValidationError."""
        return cls.model_validate(stored or {})

    def to_json(self) -> dict[str, Any]:
        """As plain values that a JSON column holds."""
        return self.model_dump(mode="json")


class RunOptions(_Document):
    """What was asked for when a run was started."""

    from_scratch: bool = Field(default=False, description="Fresh weights in place of a version's.")
    epochs: int | None = Field(default=None, description="Null: what the service is set to.")


class CurvePoint(_Document):
    """A finished epoch. Losses that are no finite number are null."""

    epoch: int
    loss: Number = None
    accuracy: Number = None
    val_loss: Number = None
    val_accuracy: Number = None
    seconds: Number = None


class RunProgress(_Document):
    """How far a run is. Null is what isn't known yet."""

    step: str = Field(default="", description="`preparing`, `training` or `comparing`.", examples=["training"])
    epoch: int | None = Field(default=None, examples=[3])
    epochs: int | None = Field(default=None, examples=[10])
    loss: Number = Field(default=None, examples=[0.71])
    accuracy: Number = Field(default=None, examples=[0.74])
    val_loss: Number = None
    val_accuracy: Number = None
    seconds_left: Number = Field(default=None, examples=[410.0])
    curve: list[CurvePoint] = Field(default=[], description="The finished epochs.")


class GateCheck(_Document):
    """One question of the gate, its answer, and the figures behind it in words."""

    name: str
    is_passed: bool
    reason: str


class GateDecision(_Document):
    """Whether the challenger was promoted, and why."""

    is_promoted: bool
    reason: str
    checks: list[GateCheck] = []


class ReviewedMetrics(_Document):
    """Both versions' metrics on the faces drawn at random that reviewers have labelled."""

    champion: dict[str, Any]
    challenger: dict[str, Any]


class GateReport(_Document):
    """What the gate compared and decided. The metrics are those of `emoscope evaluate`, on the rows that were compared."""

    decision: GateDecision
    champion: dict[str, Any] = {}
    challenger: dict[str, Any] = {}
    reference: dict[str, Any] | None = Field(
        default=None,
        description="Of the best version on the challenger's labels, where the champion was trained on others.",
    )
    reviewed: ReviewedMetrics | None = None
