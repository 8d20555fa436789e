"""Training curves of a running run or a finished version."""

from collections.abc import Sequence

from api.web.charts import Chart, Series, draw_lines
from db.training_runs.documents import CurvePoint

_MOST_DOTS = 30


def draw_curves(curve: Sequence[CurvePoint]) -> tuple[Chart, ...]:
    """Draw loss and accuracy by epoch for training rows and validation set. Empty before the first epoch has ended."""
    if not curve:
        return ()
    labels = [str(point.epoch) for point in curve]
    losses = [
        Series("training", "first", [point.loss for point in curve]),
        Series("validation", "second", [point.val_loss for point in curve]),
    ]
    accuracies = [
        Series("training", "first", [point.accuracy for point in curve]),
        Series("validation", "second", [point.val_accuracy for point in curve]),
    ]
    has_dots = len(curve) < _MOST_DOTS
    return (
        draw_lines("Loss by epoch", labels, losses, high=None, has_dots=has_dots),
        draw_lines("Accuracy by epoch", labels, accuracies, high=1.0, has_dots=has_dots),
    )
