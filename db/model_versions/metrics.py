"""The metrics of a version as JSON holds them: what manifests, gate reports and `emoscope evaluate --json` consist of."""

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on


class ClassMetrics(TypedDict):
    """How well one emotion is told. support: rows that are this emotion."""

    precision: float
    recall: float
    f1: float
    support: int


class CopyFreeMetrics(TypedDict):
    """The same rows without exact copies of Training rows."""

    rows: int
    accuracy: float
    macro_f1: float


class TruthMetrics(TypedDict):
    """Predictions against one truth. Shares are 0 to 1; log_loss is in nats.

    reliability: of each bin of confidence its mean confidence, its accuracy, its share of the rows. intervals: 95 %, by the name of
    the metric. confusion: rows are the truth, columns the prediction, both in the order of EMOTIONS.
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
    """A split against each truth that it has: `fer2013`, hard labels, and `ferplus`, the clear majority of votes."""

    rows: int
    copies_of_training_rows: int
    fer2013: NotRequired[TruthMetrics]
    ferplus: NotRequired[TruthMetrics]


class SpeedMetrics(TypedDict):
    """On one core of the machine that measured."""

    ms_a_face: float
    faces_a_second: float


class SliceMetrics(TypedDict):
    """Some faces of an evaluation set. accuracy and calibration_error are over the faces that were found."""

    rows: int
    accuracy: float
    calibration_error: float
    mean_confidence: float


class SetMetrics(TypedDict):
    """How a version does on an evaluation set.

    rows: photos, with those in which no face was found (`missed`), which count as wrong in `accuracy` and `recall`. The other
    metrics are over the faces that were found. mean_recall: over the emotions that occur. uncertain: at each threshold of
    confidence, the share of wrong answers below it, and of right ones.
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
    """The int8 form beside the float32 form, on the validation rows with a clear label. temperature: inside the int8 form."""

    temperature: float
    rows: int
    accuracy: float
    log_loss: float
    float32_accuracy: float
    float32_log_loss: float


class VersionMetrics(TypedDict, total=False):
    """All that a manifest says of how good a version is: by split, `speed`, `sets` by name, and its `int8` form, if it has one."""

    validation: SplitMetrics
    PublicTest: SplitMetrics
    speed: SpeedMetrics
    sets: dict[str, SetMetrics]
    int8: Int8Metrics


class ComparedMetrics(TruthMetrics):
    """A version on the rows that a gate compares on. sets: empty where it wasn't measured on any."""

    ms_a_face: float
    sets: dict[str, SetMetrics]


class ReviewedMetrics(TypedDict):
    """Champion and challenger on the faces that reviewers labelled."""

    champion: TruthMetrics
    challenger: TruthMetrics


class EvaluationReport(SplitMetrics, SpeedMetrics):
    """What `emoscope evaluate` finds on a CSV. usage: the split, or `all`."""

    usage: str
    dataset_sha256: str


TRUTHS = ("fer2013", "ferplus")


def list_truths(split: SplitMetrics) -> list[tuple[str, TruthMetrics]]:
    """The truths that a split was compared with, in the order of TRUTHS."""
    found = (("fer2013", split.get("fer2013")), ("ferplus", split.get("ferplus")))
    return [(name, metrics) for name, metrics in found if metrics is not None]


def list_splits(metrics: VersionMetrics) -> list[tuple[str, SplitMetrics]]:
    """The splits of a version, the one that says most last."""
    found = (("validation", metrics.get("validation")), ("PublicTest", metrics.get("PublicTest")))
    return [(name, split) for name, split in found if split is not None]
