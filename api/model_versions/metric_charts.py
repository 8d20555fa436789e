"""A version's manifest -> figures and charts."""

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
    """How a version did on one part of a dataset, against one truth. numbers: the figures."""

    part: str
    truth: str
    numbers: TruthMetrics

    @property
    def title(self) -> str:
        """Which faces, and against what, in words."""
        return name_evaluation(self.part, self.truth)

    @property
    def confusion(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """For each true emotion, how often each answer was given, and a shade from 0 to 10 for its share of the row."""
        rows = []
        for emotion, counts in zip(EMOTIONS, self.numbers["confusion"], strict=True):
            total = sum(counts) or 1
            rows.append((emotion.value, [(count, round(count / total * _SHADES)) for count in counts]))
        return rows


def name_evaluation(part: str, truth: str) -> str:
    """Which faces, and against what, in words."""
    return f"{_PARTS.get(part, part)}, {_TRUTHS.get(truth, truth)}"


def list_metrics(manifest: Manifest) -> list[Metrics]:
    """All that a version was evaluated on, the split that says most last. A manifest of another form has none."""
    return [Metrics(split, truth, numbers) for split, truth, numbers in manifest.list_evaluations()]


@dataclass(frozen=True)
class MetricPair:
    """The figures of two versions that may stand beside each other. left_out: in words, which may not, being of different rows."""

    pairs: list[tuple[Metrics, Metrics]]
    left_out: list[str]


def pair_metrics(first: Manifest, second: Manifest) -> MetricPair:
    """Pair what two versions' manifests say of the same rows against the same truth: other rows may have been easier."""
    found = pair_evaluations(first, second)
    return MetricPair(
        [(Metrics(split, truth, mine), Metrics(split, truth, theirs)) for split, truth, mine, theirs in found.pairs],
        [name_evaluation(split, truth) for split, truth in found.left_out],
    )


def draw_classes(figures: Metrics) -> Chart:
    """Precision, recall and F1 of each emotion."""
    per_class = figures.numbers["per_class"]
    found: list[ClassMetrics] = [per_class[emotion.value] for emotion in EMOTIONS]
    series = [
        Series("precision", "first", [each["precision"] for each in found]),
        Series("recall", "second", [each["recall"] for each in found]),
        Series("F1", "third", [each["f1"] for each in found]),
    ]
    return draw_groups("By emotion", [emotion.value for emotion in EMOTIONS], series)


def draw_reliability(figures: Metrics) -> Chart | None:
    """Accuracy over mean confidence of each bin: on the diagonal where the version is as often right as it says.

    None where it isn't known.
    """
    bins = figures.numbers["reliability"]
    if not bins:
        return None
    confidences, accuracies, _ = zip(*sorted(bins), strict=True)
    series = [Series("as sure as right", "quiet", confidences), Series("this version", "accent", accuracies)]
    labels = [f"{confidence:.3f}" for confidence in confidences]
    title = "Reliability: accuracy over confidence"
    return draw_lines(title, labels, series, show="{:.3f}".format, high=1.0, has_dots=True, places=confidences)
