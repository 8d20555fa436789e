"""Name, unit and explanation of each metric on the pages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricWords:
    """A metric in words. explanation: unit, period and meaning, in one or two sentences."""

    name: str
    explanation: str


METRICS = {
    "accuracy": MetricWords(
        "Accuracy", "Share of faces, 0 to 1, for which the likeliest emotion is the label. More is better."
    ),
    "macro_f1": MetricWords(
        "Macro-F1",
        "Mean of the seven emotions' F1, 0 to 1. Each emotion weighs the same, however rare. More is better.",
    ),
    "calibration_error": MetricWords(
        "Calibration error (lower is better)",
        "Mean gap between confidence and accuracy, 0 to 1: at 0, of the faces with confidence 0.8 four of five are right.",
    ),
    "log_loss": MetricWords(
        "Log-loss (lower is better)",
        "Mean negative logarithm of the probability that the label was given, in nats. A confident mistake costs most.",
    ),
    "interval": MetricWords(
        "Difference (95 % interval)",
        "New version less old version. If the faces were drawn again and again, 95 of 100 such intervals would hold the true "
        "difference.",
    ),
    "p_value": MetricWords(
        "p",
        "Chance of a difference at least this large if both versions were equally good. At most 0.05 counts as shown. Faces with "
        "votes: exact McNemar test. Other datasets: test of two shares, which finds true differences later.",
    ),
    "ms_a_face": MetricWords("Time per face", "Milliseconds on one core of the machine that trained the version."),
    "jobs_a_minute": MetricWords("Jobs a minute", "Mean of jobs that ended in each of the last five full minutes."),
    "duration": MetricWords(
        "How long a job takes",
        "Seconds. p50: half of the jobs took at most this long; p95: 95 of 100; p99: 99 of 100. Waiting is from submission to a "
        "worker's start, processing from there to the end.",
    ),
    "confidence": MetricWords(
        "Mean confidence",
        "Mean probability of the likeliest emotion, 0 to 1, over the faces stored in each hour or day.",
    ),
    "live_accuracy": MetricWords(
        "Live accuracy",
        "Share of faces drawn by chance, 0 to 1, on which the model says what reviewers said who didn't know its prediction.",
    ),
    "agreement": MetricWords(
        "Agreement",
        "Share of faces with several votes, 0 to 1, whose first two say the same. Krippendorff's alpha takes chance into account: "
        "1 is full agreement, 0 is what chance gives.",
    ),
    "emotion_shift": MetricWords(
        "Emotion shift",
        "Population stability index of the emotions of the last seven days against the four weeks before. From 0.1 it is notable, "
        "from 0.25 large.",
    ),
    "override_rate": MetricWords(
        "Override rate",
        "Share of reviewed faces drawn by chance, 0 to 1, whose label is another emotion than the model said, with its 95 % "
        "interval.",
    ),
}
"""Explanations by the key that templates use."""
