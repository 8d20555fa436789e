from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.data.corrections import LabelledFaces
from training.data.dataset import Dataset, read_dataset
from training.errors import DatasetError
from training.evaluation.compare import compare_versions, find_holdout
from training.evaluation.gate import GateLimits
from training.export.artifact import list_pretrained
from training.export.lite import load_lite


@pytest.fixture
def dataset(small_csv: Path, small_votes: Path) -> Dataset:
    return read_dataset(small_csv, small_votes)


def test_the_holdout_is_every_row_with_a_clear_label(dataset: Dataset) -> None:
    public = dataset.find_part("PublicTest")
    assert dataset.votes is not None
    counts = dataset.votes.counts.copy()
    counts[public[0]] = 1
    unclear = replace(dataset, votes=replace(dataset.votes, counts=counts))
    rows, truth = find_holdout(unclear, "soft")
    assert rows.tolist() == public[1:].tolist()
    assert truth.tolist() == unclear.votes.majorities[rows].tolist()  # type: ignore[union-attr]
    assert find_holdout(unclear, "hard")[0].tolist() == public.tolist()


def test_no_single_labels_take_the_place_of_votes(dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="no votes"):
        find_holdout(replace(dataset, votes=None), "soft")


def test_copies_of_training_rows_judge_nothing(dataset: Dataset) -> None:
    public, training = dataset.find_part("PublicTest"), dataset.find_part("Training")
    images = dataset.images.copy()
    images[public[[0, 3]]] = images[training[[5, 9]]]
    rows, truth = find_holdout(replace(dataset, images=images), "hard")
    assert rows.tolist() == np.delete(public, [0, 3]).tolist()
    assert truth.tolist() == dataset.labels[rows].tolist()


def test_a_dataset_whose_holdout_is_known_by_heart_is_refused(dataset: Dataset) -> None:
    public, training = dataset.find_part("PublicTest"), dataset.find_part("Training")
    images = dataset.images.copy()
    images[public] = images[training[: len(public)]]
    with pytest.raises(DatasetError, match="no PublicTest rows"):
        find_holdout(replace(dataset, images=images), "hard")


def test_live_faces_are_compared_as_evidence_of_a_gain(dataset: Dataset) -> None:
    """The labels are what the challenger says of 40 faces, and the champion something else."""
    old, new = list_pretrained()["report"], list_pretrained()["quick"]
    noise = np.random.default_rng(0).integers(0, 256, (400, 48, 48), np.uint8)
    said, says = (load_lite(folder).predict(noise).argmax(axis=1) for folder in (old, new))
    differing = np.flatnonzero(said != says)[:40]
    assert len(differing) == 40
    faces = LabelledFaces(noise[differing], says[differing], np.full(40, 60))
    found = compare_versions(old, new, dataset, "hard", GateLimits(), reviewed=faces)
    (gain,) = (check for check in found.decision.checks if check.name == "gain")
    assert "of 40 live faces that reviewers labelled, 40 gained and 0 lost (p 0.0000)" in gain.reason
