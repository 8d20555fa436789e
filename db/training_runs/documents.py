"""The JSON documents of a training run, as who writes and who reads them share them.

Whatever a release adds has a default, so that runs of earlier releases are still read; what this release doesn't know is ignored.
"""

from math import isfinite
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


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


class _OpenDocument(_Document):
    """Further fields are kept as they are."""

    model_config = ConfigDict(extra="allow", frozen=True)


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


class ClassMetrics(_Document):
    """How well one emotion is told. support: rows that are this emotion."""

    precision: float
    recall: float
    f1: float
    support: int


class SetMetrics(_OpenDocument):
    """A version on one evaluation set or stress test."""

    rows: int
    accuracy: float


class ComparedMetrics(_OpenDocument):
    """A version's metrics on the rows that were compared: shares from 0 to 1; `log_loss` in nats; `ms_a_face` on one core."""

    rows: int | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    calibration_error: float | None = None
    ms_a_face: float | None = None
    per_class: dict[str, ClassMetrics] = {}
    confusion: list[list[int]] = Field(default=[], description="Rows: the truth; columns: the answer.")
    sets: dict[str, SetMetrics] = Field(default={}, description="Evaluation sets and stress tests, by name.")


class ReviewedMetrics(_Document):
    """Both versions' metrics on the faces drawn at random that reviewers have labelled."""

    champion: ComparedMetrics
    challenger: ComparedMetrics


class GateReport(_Document):
    """What the gate compared and decided. The metrics are those of `emoscope evaluate`, on the rows that were compared."""

    decision: GateDecision
    champion: ComparedMetrics = ComparedMetrics()
    challenger: ComparedMetrics = ComparedMetrics()
    reference: ComparedMetrics | None = Field(
        default=None,
        description="Of the best version on the challenger's labels, where the champion was trained on others.",
    )
    reviewed: ReviewedMetrics | None = None


class AuditedSplit(_OpenDocument):
    """A split of the dataset. emotions: rows of each. copies: of earlier rows of it, and of Training rows."""

    rows: int = 0
    emotions: dict[str, int] = {}
    copies_within: int = 0
    copies_of_training: int = 0


class StoredPlan(_OpenDocument):
    """A run's plan as it was when the run began: `db.training_runs.plan.RunPlan` of the release that ran it."""

    is_from_scratch: bool = False
    references: list[dict[str, int | str]] = []
    summary: list[str] = []


class RunAudit(_OpenDocument):
    """What the dataset and the corrections of a run hold."""

    warnings: list[str] = []
    sha256: str = ""
    rows: int = 0
    splits: dict[str, AuditedSplit] = Field(default={}, validation_alias=AliasChoices("splits", "parts"))
    bad_rows: list[dict[str, int | str]] = Field(
        default=[], description="Line and reason of each row that was left out."
    )
    votes: dict[str, int] | None = Field(default=None, description="Rows by what became of their votes.")
    corrections: dict[str, int] | None = Field(
        default=None, description="Reviewers' labels: `used`, and left out for each reason. Null until they were read."
    )
    corrections_by_emotion: dict[str, int] = {}
    plan: StoredPlan | None = None
