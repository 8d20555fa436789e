"""A version's metrics in JSON, as contained in manifests, gate reports and `emoscope evaluate --json`."""

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic requires this TypedDict before Python 3.12


class ClassMetrics(TypedDict):
    """Metrics of one emotion. support: rows with this emotion."""

    precision: float
    recall: float
    f1: float
    support: int


class CopyFreeMetrics(TypedDict):
    """Metrics on the same rows without exact copies of training rows."""

    rows: int
    accuracy: float
    macro_f1: float


class TruthMetrics(TypedDict):
    """Metrics against one kind of label. Shares are 0 to 1; log_loss is in nats.

    reliability: mean confidence, accuracy and share of rows of each confidence bin.
    intervals: 95 %, by name of the metric.
    confusion: rows are labels, columns are predictions, both in the order of EMOTIONS.
    """

    rows: int
    accuracy: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    reliability: list[list[float]]
    intervals: dict[str, list[float]]
    per_class: dict[str, ClassMetrics]
    confusion: list[list[int]]
    without_copies: NotRequired[CopyFreeMetrics]


class SplitMetrics(TypedDict):
    """A split against each kind of label that it has: `fer2013`, hard labels, and `ferplus`, the clear majority of votes."""

    rows: int
    copies_of_training_rows: int
    fer2013: NotRequired[TruthMetrics]
    ferplus: NotRequired[TruthMetrics]


class SpeedMetrics(TypedDict):
    """Speed on one core of the machine that measured it."""

    ms_a_face: float
    faces_a_second: float


class SliceMetrics(TypedDict):
    """A part of an evaluation set. accuracy and calibration_error are over detected faces."""

    rows: int
    accuracy: float
    calibration_error: float
    mean_confidence: float


class SetMetrics(TypedDict):
    """Metrics of a version on an evaluation set.

    rows: photos, including those without a detected face (`missed`), which count as wrong in `accuracy` and `recall`. The other
    metrics are over detected faces.
    mean_recall: over the emotions that occur.
    uncertain: for each confidence threshold, the shares of wrong and of right predictions below it.
    """

    rows: int
    missed: int
    accuracy: float
    accuracy_without_neutral: float | None
    macro_f1: float
    mean_recall: float
    calibration_error: float
    mean_confidence: float
    recall: dict[str, float]
    per_class: dict[str, ClassMetrics]
    uncertain: dict[str, tuple[float, float]]
    slices: dict[str, SliceMetrics]


class Int8Metrics(TypedDict):
    """The int8 model compared with the float32 model, on validation rows with a clear label. temperature: applied inside the int8
    model.
    """

    temperature: float
    rows: int
    accuracy: float
    log_loss: float
    float32_accuracy: float
    float32_log_loss: float


class VersionMetrics(TypedDict, total=False):
    """All metrics in a manifest: by split, `speed`, `sets` by name, and `int8` if the version has such a model."""

    validation: SplitMetrics
    PublicTest: SplitMetrics
    speed: SpeedMetrics
    sets: dict[str, SetMetrics]
    int8: Int8Metrics


class ComparedMetrics(TruthMetrics):
    """A version's metrics on the rows that a gate compares. sets: empty if none were measured."""

    ms_a_face: float
    sets: dict[str, SetMetrics]


class ReviewedMetrics(TypedDict):
    """Champion and challenger on faces labelled by reviewers."""

    champion: TruthMetrics
    challenger: TruthMetrics


class EvaluationReport(SplitMetrics, SpeedMetrics):
    """The result of `emoscope evaluate` on a CSV. usage: the split, or `all`."""

    usage: str
    dataset_sha256: str


TRUTHS = ("fer2013", "ferplus")


def list_truths(split: SplitMetrics) -> list[tuple[str, TruthMetrics]]:
    """List the kinds of label of a split, in the order of TRUTHS."""
    found = (("fer2013", split.get("fer2013")), ("ferplus", split.get("ferplus")))
    return [(name, metrics) for name, metrics in found if metrics is not None]


def list_splits(metrics: VersionMetrics) -> list[tuple[str, SplitMetrics]]:
    """List the splits of a version, the most informative one last."""
    found = (("validation", metrics.get("validation")), ("PublicTest", metrics.get("PublicTest")))
    return [(name, split) for name, split in found if split is not None]
