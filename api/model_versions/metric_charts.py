"""Metrics and charts from a version's manifest."""

from dataclasses import dataclass

from api.web.charts import Chart, Series, draw_groups, draw_lines
from db.core.vocabulary import EMOTIONS
from db.model_versions.assessment import VALIDATION, pair_evaluations
from db.model_versions.manifest import Manifest
from db.model_versions.metrics import ClassMetrics, TruthMetrics

_PARTS = {VALIDATION: "validation set"}
_TRUTHS = {"fer2013": "single label", "ferplus": "vote majority"}
_SHADES = 10


@dataclass(frozen=True)
class Metrics:
    """Metrics of a version on one split of a dataset, against one kind of label. numbers: the metrics."""

    part: str
    truth: str
    numbers: TruthMetrics

    @property
    def title(self) -> str:
        """The split and the kind of label, in words."""
        return name_evaluation(self.part, self.truth)

    @property
    def confusion(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """Confusion matrix: for each true emotion, how often each emotion was predicted, and a shade from 0 to 10 for its share of
        the row.
        """
        rows = []
        for emotion, counts in zip(EMOTIONS, self.numbers["confusion"], strict=True):
            total = sum(counts) or 1
            rows.append((emotion.value, [(count, round(count / total * _SHADES)) for count in counts]))
        return rows


def name_evaluation(part: str, truth: str) -> str:
    """Name the split and the kind of label in words."""
    return f"{_PARTS.get(part, part)}, {_TRUTHS.get(truth, truth)}"


def list_metrics(manifest: Manifest) -> list[Metrics]:
    """List all evaluations in a manifest, the most informative split last. Empty for a manifest of another form."""
    return [Metrics(split, truth, numbers) for split, truth, numbers in manifest.list_evaluations()]


@dataclass(frozen=True)
class MetricPair:
    """Comparable metrics of two versions. left_out: evaluations that aren't comparable because their rows differ, in words."""

    pairs: list[tuple[Metrics, Metrics]]
    left_out: list[str]


def pair_metrics(first: Manifest, second: Manifest) -> MetricPair:
    """Pair the evaluations of two versions on the same rows and labels. Metrics on different rows aren't comparable."""
    found = pair_evaluations(first, second)
    return MetricPair(
        [(Metrics(split, truth, mine), Metrics(split, truth, theirs)) for split, truth, mine, theirs in found.pairs],
        [name_evaluation(split, truth) for split, truth in found.left_out],
    )


def draw_classes(figures: Metrics) -> Chart:
    """Draw precision, recall and F1 of each emotion."""
    per_class = figures.numbers["per_class"]
    found: list[ClassMetrics] = [per_class[emotion.value] for emotion in EMOTIONS]
    series = [
        Series("precision", "first", [each["precision"] for each in found]),
        Series("recall", "second", [each["recall"] for each in found]),
        Series("F1", "third", [each["f1"] for each in found]),
    ]
    return draw_groups("By emotion", [emotion.value for emotion in EMOTIONS], series)


def draw_reliability(figures: Metrics) -> Chart | None:
    """Draw a reliability diagram: accuracy over mean confidence of each bin. Perfect calibration lies on the diagonal.

    None if the manifest has no bins.
    """
    bins = figures.numbers["reliability"]
    if not bins:
        return None
    confidences, accuracies, _ = zip(*sorted(bins), strict=True)
    series = [Series("perfect calibration", "quiet", confidences), Series("this version", "accent", accuracies)]
    labels = [f"{confidence:.3f}" for confidence in confidences]
    title = "Reliability: accuracy over confidence"
    return draw_lines(title, labels, series, show="{:.3f}".format, high=1.0, has_dots=True, places=confidences)
