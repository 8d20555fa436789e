"""The JSON documents of a training run, shared by writers and readers.

New fields have defaults, so that documents of earlier releases can be read; unknown fields are ignored.
"""

from math import isfinite
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


def _finite_or_none(value: Any) -> Any:
    """Replace NaN and infinite numbers, which JSON doesn't have: PostgreSQL refuses them, and browsers can't parse them."""
    return None if isinstance(value, float) and not isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite_or_none)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def read(cls, stored: dict[str, Any] | None) -> Self:
        """Parse a JSON column; defaults if it is empty. Raises pydantic's ValidationError."""
        return cls.model_validate(stored or {})

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self.model_dump(mode="json")


class _OpenDocument(_Document):
    """Keeps unknown fields."""

    model_config = ConfigDict(extra="allow", frozen=True)


class RunOptions(_Document):
    """Options with which a run was started."""

    from_scratch: bool = Field(default=False, description="Fresh weights in place of a version's.")
    epochs: int | None = Field(default=None, description="Null: the setting.")


class CurvePoint(_Document):
    """A finished epoch. Losses that aren't finite are null."""

    epoch: int
    loss: Number = None
    accuracy: Number = None
    val_loss: Number = None
    val_accuracy: Number = None
    seconds: Number = None


class RunProgress(_Document):
    """Progress of a run. Null: not known yet."""

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
    """One check of the gate, its result, and the metrics behind it in words."""

    name: str
    is_passed: bool
    reason: str


class GateDecision(_Document):
    """Whether the challenger was promoted, and why."""

    is_promoted: bool
    reason: str
    checks: list[GateCheck] = []


class ClassMetrics(_Document):
    """Metrics of one emotion. support: rows with this emotion."""

    precision: float
    recall: float
    f1: float
    support: int


class SetMetrics(_OpenDocument):
    """A version on one evaluation set or stress test."""

    rows: int
    accuracy: float


class ComparedMetrics(_OpenDocument):
    """A version's metrics on the compared rows: shares from 0 to 1; `log_loss` in nats; `ms_a_face` on one core."""

    rows: int | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    calibration_error: float | None = None
    ms_a_face: float | None = None
    per_class: dict[str, ClassMetrics] = {}
    confusion: list[list[int]] = Field(default=[], description="Rows: labels; columns: predictions.")
    sets: dict[str, SetMetrics] = Field(default={}, description="Evaluation sets and stress tests, by name.")


class ReviewedMetrics(_Document):
    """Metrics of both versions on the randomly drawn faces labelled by reviewers."""

    champion: ComparedMetrics
    challenger: ComparedMetrics


class GateReport(_Document):
    """What the gate compared, and its decision. The metrics are those of `emoscope evaluate` on the compared rows."""

    decision: GateDecision
    champion: ComparedMetrics = ComparedMetrics()
    challenger: ComparedMetrics = ComparedMetrics()
    reference: ComparedMetrics | None = Field(
        default=None,
        description="Of the best version on the challenger's labels, if the champion was trained on others.",
    )
    reviewed: ReviewedMetrics | None = None


class AuditedSplit(_OpenDocument):
    """A split of the dataset. emotions: rows of each. copies: of earlier rows of the split, and of training rows."""

    rows: int = 0
    emotions: dict[str, int] = {}
    copies_within: int = 0
    copies_of_training: int = 0


class StoredPlan(_OpenDocument):
    """The plan with which a run started: `db.training_runs.plan.RunPlan` of the release that ran it."""

    is_from_scratch: bool = False
    references: list[dict[str, int | str]] = []
    summary: list[str] = []


class RunAudit(_OpenDocument):
    """Contents of a run's dataset and corrections."""

    warnings: list[str] = []
    sha256: str = ""
    rows: int = 0
    splits: dict[str, AuditedSplit] = Field(default={}, validation_alias=AliasChoices("splits", "parts"))
    bad_rows: list[dict[str, int | str]] = Field(
        default=[], description="Line and reason of each row that was left out."
    )
    votes: dict[str, int] | None = Field(default=None, description="Rows by result of their votes.")
    corrections: dict[str, int] | None = Field(
        default=None, description="Reviewers' labels: `used`, and left out for each reason. Null until they were read."
    )
    corrections_by_emotion: dict[str, int] = {}
    plan: StoredPlan | None = None
