import re
from pathlib import Path

import numpy as np

from db.model_versions.history import TrainingHistory
from training.data.dataset import read_dataset
from training.evaluation.report import _show_mistakes, write_report
from training.export.artifact import list_pretrained, read_manifest

RANDOM = np.random.default_rng(0)


def test_the_surest_mistakes_come_first_and_what_is_right_or_unknown_is_none() -> None:
    images = RANDOM.integers(0, 256, (4, 48, 48)).astype(np.uint8)
    probabilities = np.full((4, 7), 0.01, np.float32)
    probabilities[np.arange(4), [0, 1, 2, 3]] = [0.5, 0.9, 0.8, 0.94]
    shown = _show_mistakes(images, probabilities, np.array([6, 6, 2, -1]))
    assert re.findall(r"<figcaption>(.*?)</figcaption>", shown) == [
        "disgusted 0.90, labelled surprised",
        "angry 0.50, labelled surprised",
    ]


def test_a_report_is_one_page_with_the_figures_and_loads_nothing(
    tmp_path: Path, small_csv: Path, small_votes: Path
) -> None:
    manifest = read_manifest(next(iter(list_pretrained().values())))
    dataset = read_dataset(small_csv, small_votes)
    rows = dataset.find_part("PublicTest")
    probabilities = RANDOM.dirichlet(np.ones(7), len(rows)).astype(np.float32)
    curve = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "val_loss": 1.1, "val_accuracy": 0.4}
    history = TrainingHistory.model_validate({"best_epoch": 1, "epochs": [curve]})
    write_report(tmp_path / "report.html", manifest, history, dataset, rows, probabilities)
    page = (tmp_path / "report.html").read_text()
    assert "Against fer2013 (42 faces)" in page
    assert "Against ferplus (42 faces)" in page
    assert f"accuracy {manifest.metrics['PublicTest']['fer2013']['accuracy']:.4f}" in page
    assert "<script src" not in page
