import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.core.vocabulary import Architecture
from training.data.corrections import LabelledFaces, add_corrections
from training.data.dataset import Dataset, read_dataset
from training.data.examples import MAX_REPEATS, count_repeats, make_examples
from training.errors import DatasetError
from training.fit.settings import RECIPES, Labels, TrainSettings

RECIPE = dataclasses.replace(RECIPES[Architecture.DEFAULT], validation_share=0.2)


def make_settings(labels: Labels, **changes: Any) -> TrainSettings:
    recipe = dataclasses.replace(RECIPE, **changes)
    return TrainSettings(Path("a.csv"), labels, Architecture.DEFAULT, recipe, Path("votes.csv"))


@pytest.fixture
def dataset(small_csv: Path, small_votes: Path) -> Dataset:
    """With two rows whose votes teach nothing; one of them is the same picture as a row that people agree on."""
    whole = read_dataset(small_csv, small_votes)
    assert whole.votes is not None
    counts, images = whole.votes.counts.copy(), whole.images.copy()
    counts[[0, 1], :] = 0
    counts[[0, 1], -1] = 10
    held_out = make_examples(dataclasses.replace(whole, images=images), make_settings("soft")).validation_rows
    images[0] = images[held_out[-1]]
    return dataclasses.replace(whole, images=images, votes=dataclasses.replace(whole.votes, counts=counts))


def test_what_is_held_out_is_the_same_whichever_labels_are_taught(dataset: Dataset) -> None:
    votes, single = (make_examples(dataset, make_settings(labels)) for labels in ("soft", "hard"))
    held_out = votes.validation_rows
    assert len(held_out) == round(0.2 * 138)
    assert set(held_out.tolist()) < set(single.validation_rows.tolist())
    trained_on = {picture.tobytes() for picture in single.training.images}
    assert not any(dataset.images[row].tobytes() in trained_on for row in held_out)


def test_rows_whose_votes_say_nothing_teach_single_labels_alone(dataset: Dataset) -> None:
    votes, single = (make_examples(dataset, make_settings(labels)) for labels in ("soft", "hard"))
    counts = [len(examples.training.images) + len(examples.validation_rows) for examples in (votes, single)]
    assert counts == [138, 140]


def test_a_seed_of_its_own_decides_what_is_held_out(dataset: Dataset) -> None:
    first = make_settings("hard")
    alike = dataclasses.replace(first, seed=2, split_seed=first.seed)
    other = dataclasses.replace(first, split_seed=0)
    held_out = [make_examples(dataset, settings).validation_rows.tolist() for settings in (first, alike, other)]
    assert held_out[0] == held_out[1]
    assert held_out[0] != held_out[2]


def test_rows_weigh_by_how_rare_their_class_is(dataset: Dataset) -> None:
    labels = np.where(np.arange(len(dataset.images)) % 3 == 0, 1, 0)
    uneven = dataclasses.replace(dataset, labels=labels)
    for balance in (0.0, 0.5, 1.0):
        training = make_examples(uneven, make_settings("hard", class_balance=balance)).training
        rare = training.targets[:, 1] == 1
        ratio = float(training.weights[rare].mean() / training.weights[~rare].mean())
        assert ratio == pytest.approx(((~rare).sum() / rare.sum()) ** balance, rel=1e-5)
        assert float(training.weights.mean()) == pytest.approx(1, rel=1e-5)


def test_rows_of_one_emotion_are_refused(dataset: Dataset) -> None:
    kept = np.flatnonzero(dataset.labels == 3)
    single = dataclasses.replace(
        dataset, images=dataset.images[kept], labels=dataset.labels[kept], parts=dataset.parts[kept], votes=None
    )
    with pytest.raises(DatasetError, match="all 16 rows to train on are happy: training needs at least two"):
        make_examples(single, make_settings("hard"))


@pytest.mark.parametrize(
    ("corrections", "others", "share", "expected"),
    [
        (10, 1000, 0.2, MAX_REPEATS),
        (100, 1000, 0.2, 2),
        (300, 1000, 0.2, 1),
        (100, 1000, 0.0, 1),
        (0, 1000, 0.2, MAX_REPEATS),
    ],
    ids=["few", "up to the share", "more than the share", "not repeated", "none"],
)
def test_corrections_are_repeated_up_to_their_share(corrections: int, others: int, share: float, expected: int) -> None:
    assert count_repeats(corrections, others, share) == expected


def test_repeated_corrections_are_training_examples_alone(dataset: Dataset) -> None:
    faces = LabelledFaces(
        np.full((2, 48, 48), 7, np.uint8) + np.arange(2, dtype=np.uint8)[:, None, None] * 3,
        np.array([1, 4]),
        np.full(2, 60),
    )
    settings = dataclasses.replace(make_settings("soft"), correction_share=0.1)
    plain, examples = (make_examples(each, settings) for each in (dataset, add_corrections(dataset, faces)))
    others = len(plain.training.images)
    each = count_repeats(2, others, 0.1)
    assert each > 1
    is_correction = (examples.training.images == examples.training.images[:, :1, :1]).all(axis=(1, 2))
    assert is_correction.sum() == 2 * each
    assert len(examples.training.images) == others + 2 * each
    assert examples.training_labels[is_correction].tolist() == [1, 4] * each
    assert examples.training.targets[is_correction].argmax(axis=1).tolist() == [1, 4] * each
    assert examples.validation_rows.tolist() == plain.validation_rows.tolist()
