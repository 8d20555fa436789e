from db.model_versions.metrics import SplitMetrics, list_splits, list_truths
from training.export.artifact import list_pretrained, read_manifest


def test_splits_and_truths_come_in_their_order_and_only_those_that_there_are() -> None:
    nothing: SplitMetrics = {"rows": 3, "copies_of_training_rows": 0}
    assert list_truths(nothing) == []
    assert [name for name, _ in list_splits({"PublicTest": nothing})] == ["PublicTest"]
    assert list_splits({}) == []


def test_a_shipped_versions_metrics_have_both_splits_and_both_truths() -> None:
    metrics = read_manifest(next(iter(list_pretrained().values()))).metrics
    found = [(split, truth) for split, numbers in list_splits(metrics) for truth, _ in list_truths(numbers)]
    assert found == [(split, truth) for split in ("validation", "PublicTest") for truth in ("fer2013", "ferplus")]
