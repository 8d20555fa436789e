"""The curves of training."""

from api.training_runs.curves import draw_curves
from db.training_runs.documents import CurvePoint


def test_both_charts_show_training_beside_validation_by_epoch() -> None:
    curve = [
        CurvePoint(epoch=1, loss=1.5, accuracy=0.25, val_loss=1.25, val_accuracy=0.5),
        CurvePoint(epoch=2, loss=0.5, accuracy=0.75, val_loss=None, val_accuracy=0.625),
    ]
    loss, accuracy = draw_curves(curve)
    assert (loss.title, accuracy.title) == ("Loss by epoch", "Accuracy by epoch")
    assert loss.table == (("", "training", "validation"), ("1", "1.50", "1.25"), ("2", "0.50", "\u2013"))
    assert draw_curves([]) == ()
