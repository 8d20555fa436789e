"""Folder trees of pictures, in the forms in which FER2013 is distributed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.dataset import read_dataset
from training.data.fer_csv import PARTS
from training.data.image_folders import import_folders
from training.data.picture_folders import find_pictures
from training.errors import DatasetError


def write_tree(folder: Path, *paths: str) -> Path:
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (48, 48), number * 9).save(folder / path)
    return folder


def test_folders_of_kaggle_become_rows(tmp_path: Path) -> None:
    names = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    tree = write_tree(
        tmp_path / "archive", *(f"{part}/{name}/{name}_1.jpg" for part in ("train", "test") for name in names)
    )
    import_folders(tree, tmp_path / "faces.csv")
    dataset = read_dataset(tmp_path / "faces.csv")
    assert {PARTS[part]: int((dataset.parts == part).sum()) for part in (0, 1)} == {"Training": 7, "PublicTest": 7}
    assert np.bincount(dataset.labels).tolist() == [2] * 7


@pytest.mark.parametrize("name", ["Happy", "HAPPINESS", "happy"])
@pytest.mark.parametrize("suffix", ["PNG", "jpeg", "Jpg", "png"])
def test_other_names_of_an_emotion_and_capital_letters_are_read(tmp_path: Path, name: str, suffix: str) -> None:
    (found,) = find_pictures(write_tree(tmp_path, f"TRAIN/{name}/a.{suffix}")).pictures
    assert (found.emotion, found.part) == ("happy", "Training")


@pytest.mark.parametrize(
    "litter",
    [
        ".DS_Store",
        "train/.DS_Store",
        "train/sad/.DS_Store",
        "train/sad/Thumbs.db",
        "train/sad/desktop.ini",
        "train/sad/._1.png",
        "__MACOSX/train/sad/._1.png",
        "train/__MACOSX/x",
        "README.md",
        "labels.csv",
        "train/notes.txt",
    ],
)
def test_files_of_file_managers_are_skipped(tmp_path: Path, litter: str) -> None:
    write_tree(tmp_path, "train/sad/1.png")
    (tmp_path / litter).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / litter).write_bytes(b"no picture")
    tree = find_pictures(tmp_path)
    assert (len(tree.pictures), tree.ignored) == (1, 0)


def test_other_files_among_the_pictures_are_counted(tmp_path: Path) -> None:
    write_tree(tmp_path, "train/sad/1.png")
    (tmp_path / "train/sad/list.txt").write_text("1.png")
    assert find_pictures(tmp_path).ignored == 1


def test_a_folder_of_test_pictures_is_private_beside_one_for_validation(tmp_path: Path) -> None:
    write_tree(tmp_path, "train/sad/1.png", "validation/sad/2.png", "test/sad/3.png")
    assert [found.part for found in find_pictures(tmp_path).pictures] == ["Training", "PublicTest", "PrivateTest"]


def test_a_folder_that_is_no_emotion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="contempt is not one of angry, disgusted"):
        find_pictures(write_tree(tmp_path, "train/contempt/1.png"))
