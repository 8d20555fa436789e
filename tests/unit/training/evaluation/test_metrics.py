import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.core.vocabulary import EMOTIONS
from tests.support.softening import soften
from training.data.dataset import read_dataset
from training.errors import DatasetError
from training.evaluation.metrics import compute_metrics, evaluate_model, evaluate_rows


def test_figures_of_a_case_worked_out_by_hand() -> None:
    answers = np.array([0, 0, 1, 1, 1])
    truth = np.array([0, 0, 0, 1, 2])
    probabilities = np.full((5, 7), 0.05, np.float32)
    probabilities[np.arange(5), answers] = 0.7
    figures = compute_metrics(probabilities, truth)
    assert figures["accuracy"] == pytest.approx(3 / 5)
    assert figures["per_class"]["angry"] == {
        "precision": 1,
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(0.8),
        "support": 3,
    }
    assert figures["per_class"]["disgusted"]["precision"] == pytest.approx(1 / 3)
    assert figures["macro_f1"] == pytest.approx((0.8 + 0.5 + 0) / 3)
    assert figures["log_loss"] == pytest.approx(-(3 * np.log(0.7) + 2 * np.log(0.05)) / 5, rel=1e-6)
    assert figures["calibration_error"] == pytest.approx(abs(0.7 - 0.6), abs=1e-6)
    assert figures["confusion"][0][:3] == [2, 1, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_figures_stay_in_their_ranges(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    figures = compute_metrics(soften(random.normal(size=(count, 7))), random.integers(0, 7, count))
    for name in ("accuracy", "macro_f1", "calibration_error"):
        assert 0 <= figures[name] <= 1
    for name, (low, high) in figures["intervals"].items():
        value = {"accuracy": figures["accuracy"], "macro_f1": figures["macro_f1"]}[name]
        assert low <= value <= high or count < 20
    assert sum(map(sum, figures["confusion"])) == count


def test_interval_is_as_wide_as_the_binomial_one() -> None:
    truth = np.zeros(2000, int)
    probabilities = np.tile(np.eye(7, dtype=np.float32)[0], (2000, 1))
    probabilities[:400] = np.eye(7, dtype=np.float32)[1]
    low, high = compute_metrics(probabilities, truth)["intervals"]["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * (0.8 * 0.2 / 2000) ** 0.5, rel=0.1)


def test_a_perfect_model_is_perfect_by_labels_and_votes(small_csv: Path, small_votes: Path) -> None:
    dataset = read_dataset(small_csv, small_votes)
    known = {image.tobytes(): label for image, label in zip(dataset.images, dataset.labels, strict=True)}

    def predict(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return np.eye(len(EMOTIONS), dtype=np.float32)[[known[image.tobytes()] for image in images]]

    figures = evaluate_model(predict, dataset, "PublicTest")
    assert figures["rows"] == 42
    for truth in ("fer2013", "ferplus"):
        assert figures[truth]["accuracy"] == figures[truth]["macro_f1"] == 1
        assert figures[truth]["without_copies"]["rows"] == 42
    assert figures["ms_a_face"] > 0


def test_copies_of_training_rows_are_told_and_left_out_whichever_rows_are_judged(small_csv: Path) -> None:
    whole = read_dataset(small_csv)
    training, public = whole.find_part("Training"), whole.find_part("PublicTest")
    images = whole.images.copy()
    images[public[:3]] = images[training[0]]
    dataset = dataclasses.replace(whole, images=images)
    answers = np.full((len(images), 7), 1 / 7, np.float32)
    for rows in (public, np.arange(len(images))):
        figures = evaluate_rows(answers[rows], dataset, rows)
        assert figures["copies_of_training_rows"] == 3
        assert figures["fer2013"]["without_copies"]["rows"] == len(rows) - 3


def test_without_votes_there_is_no_ferplus(small_csv: Path) -> None:
    figures = evaluate_model(lambda images: np.full((len(images), 7), 1 / 7, np.float32), read_dataset(small_csv), None)
    assert figures["rows"] == 182
    assert "ferplus" not in figures


def test_a_part_that_is_not_there_is_refused(small_csv: Path) -> None:
    with pytest.raises(DatasetError, match="no PrivateTest rows"):
        evaluate_model(lambda images: np.zeros((len(images), 7), np.float32), read_dataset(small_csv), "PrivateTest")
