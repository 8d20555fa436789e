"""A run from a version's weights uses that version's validation set, with or without votes."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from db.core.vocabulary import Architecture
from training.data.dataset import Dataset, read_dataset
from training.data.split import divide_dataset
from training.data.validation_pictures import read_validation_pictures, write_validation_pictures
from training.export.artifact import VALIDATION_FILE, list_pretrained
from training.fit.settings import RECIPES, TrainSettings

RECIPE = replace(RECIPES[Architecture.DEFAULT], validation_share=0.2)
SETTINGS = TrainSettings(Path("x.csv"), "hard", Architecture.DEFAULT, RECIPE, splits_like_parent=True)


@pytest.fixture
def dataset(small_csv: Path, small_votes: Path) -> Dataset:
    return read_dataset(small_csv, small_votes)


@pytest.fixture
def parent(dataset: Dataset, tmp_path: Path) -> tuple[Path, list[int]]:
    """A version whose run had the votes, and the rows that it held out."""
    folder = tmp_path / "version"
    shutil.copytree(list_pretrained()["report"], folder)
    votes = replace(SETTINGS, labels="soft", votes_path=Path("v.csv"), seed=5, splits_like_parent=False)
    _, held_out = divide_dataset(dataset, votes)
    write_validation_pictures(folder / VALIDATION_FILE, dataset.images[held_out])
    return folder, held_out.tolist()


def test_the_same_pictures_are_held_out_without_the_votes(dataset: Dataset, parent: tuple[Path, list[int]]) -> None:
    alone = replace(dataset, votes=None)
    known = read_validation_pictures(parent[0])
    assert divide_dataset(alone, SETTINGS, known)[1].tolist() == parent[1]
    assert divide_dataset(alone, SETTINGS)[1].tolist() != parent[1]
    assert divide_dataset(alone, replace(SETTINGS, splits_like_parent=False), known)[1].tolist() != parent[1]


def test_a_dataset_without_these_pictures_is_divided_by_the_seed(
    dataset: Dataset, parent: tuple[Path, list[int]]
) -> None:
    other = replace(dataset, votes=None, images=255 - dataset.images)
    known = read_validation_pictures(parent[0])
    assert np.array_equal(divide_dataset(other, SETTINGS, known)[1], divide_dataset(other, SETTINGS)[1])


@pytest.mark.parametrize("folder", list_pretrained().values(), ids=lambda folder: folder.name)
def test_what_the_shipped_versions_held_out_is_known(folder: Path) -> None:
    assert len(read_validation_pictures(folder)) > 1000
