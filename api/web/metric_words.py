"""Name, unit and explanation of each metric on the pages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricWords:
    """A metric in words. explanation: unit, period and meaning, in one or two sentences."""

    name: str
    explanation: str


METRICS = {
    "accuracy": MetricWords(
        "Accuracy", "Share of faces, 0 to 1, for which the most likely emotion is the label. More is better."
    ),
    "macro_f1": MetricWords(
        "Macro-F1",
        "Mean of the seven emotions' F1, 0 to 1. Each emotion has the same weight, even if it is rare. More is better.",
    ),
    "calibration_error": MetricWords(
        "Calibration error (lower is better)",
        "Mean gap between confidence and accuracy, 0 to 1: at 0, four of five predictions with confidence 0.8 are right.",
    ),
    "log_loss": MetricWords(
        "Log-loss (lower is better)",
        "Mean negative logarithm of the probability that the label was given, in nats. Confident mistakes count most.",
    ),
    "interval": MetricWords(
        "Difference (95 % interval)",
        "New version less old version. If the faces were drawn again and again, 95 of 100 such intervals would hold the "
        "true difference.",
    ),
    "p_value": MetricWords(
        "p",
        "Chance of a difference at least this large if both versions were equally good. At most 0.05 counts as evidence. "
        "Faces with votes: exact McNemar test. Other datasets: test of two proportions, which needs larger differences.",
    ),
    "ms_a_face": MetricWords("Time per face", "Milliseconds on one core of the machine that trained the version."),
    "jobs_a_minute": MetricWords("Jobs per minute", "Mean of jobs that ended in each of the last five full minutes."),
    "duration": MetricWords(
        "Job duration",
        "Seconds. p50: half of the jobs took at most this long; p95: 95 of 100; p99: 99 of 100. Waiting is from submission to a "
        "worker's start, processing from there to the end.",
    ),
    "confidence": MetricWords(
        "Mean confidence",
        "Mean probability of the most likely emotion, 0 to 1, over the faces stored in each hour or day.",
    ),
    "live_accuracy": MetricWords(
        "Live accuracy",
        "Share of faces drawn at random, 0 to 1, whose prediction agrees with the votes of reviewers who didn't see it.",
    ),
    "agreement": MetricWords(
        "Agreement",
        "Share of faces with several votes, 0 to 1, whose first two votes agree. Krippendorff's alpha takes chance into account: "
        "1 is full agreement, 0 is what chance gives.",
    ),
    "emotion_shift": MetricWords(
        "Emotion shift",
        "Population stability index of the emotions of the last seven days compared with the four weeks before. From 0.1 it is "
        "notable, from 0.25 large.",
    ),
    "override_rate": MetricWords(
        "Override rate",
        "Share of reviewed faces drawn at random, 0 to 1, whose label differs from the prediction, with its 95 % "
        "interval.",
    ),
}
"""Explanations by the key that templates use."""
