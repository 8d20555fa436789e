from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from training.data.dataset import read_dataset
from training.data.image_folders import assign_parts, export_folders, import_folders
from training.errors import DatasetError


def test_a_dataset_comes_back_from_folders_as_it_was(small_csv: Path, tmp_path: Path) -> None:
    dataset = read_dataset(small_csv)
    assert export_folders(dataset, dataset.parts, tmp_path / "pictures") == 182
    assert len(list((tmp_path / "pictures" / "Training" / "happy").iterdir())) == 20
    assert len(import_folders(tmp_path / "pictures", tmp_path / "back.csv").pictures) == 182
    assert (tmp_path / "back.csv").read_text() == small_csv.read_text()


def test_own_division_has_its_share_and_follows_its_seed(small_csv: Path) -> None:
    dataset = read_dataset(small_csv)
    parts = assign_parts(dataset, training_share=0.7, seed=1)
    assert (parts == 0).mean() == pytest.approx(0.7, abs=0.02)
    assert np.array_equal(parts, assign_parts(dataset, training_share=0.7, seed=1))
    assert not np.array_equal(parts, assign_parts(dataset, training_share=0.7, seed=2))
    with pytest.raises(DatasetError, match="between 0 and 1"):
        assign_parts(dataset, training_share=70, seed=1)
    with pytest.raises(DatasetError, match="seed"):
        assign_parts(dataset, training_share=0.7, seed=-1)


def test_pictures_of_another_size_and_colour_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "pictures" / "Training" / "sad"
    folder.mkdir(parents=True)
    Image.new("RGB", (96, 96), (200, 200, 200)).save(folder / "face.jpg")
    assert len(import_folders(tmp_path / "pictures", tmp_path / "one.csv").pictures) == 1
    image = read_dataset(tmp_path / "one.csv").images[0]
    assert abs(image.astype(int) - 200).max() <= 1


def save_one(folder: Path, picture: Image.Image, name: str, **options: Any) -> None:
    (folder / "Training" / "sad").mkdir(parents=True)
    picture.save(folder / "Training" / "sad" / name, **options)


def test_a_picture_is_turned_upright_as_its_exif_says(tmp_path: Path) -> None:
    """Bright at the top, stored lying on its side as phones do."""
    upright = np.zeros((48, 48), np.uint8)
    upright[:24] = 255
    stored = Image.fromarray(np.rot90(upright))
    exif = stored.getexif()
    exif[ExifTags.Base.Orientation] = 6
    save_one(tmp_path / "pictures", stored, "face.png", exif=exif)
    import_folders(tmp_path / "pictures", tmp_path / "one.csv")
    assert np.array_equal(read_dataset(tmp_path / "one.csv").images[0], upright)


@pytest.mark.parametrize(("kind", "suffix"), [("<u2", "png"), ("<u2", "tiff"), (">u2", "tiff"), ("<i4", "tiff")])
def test_pictures_of_16_bits_keep_their_shades(tmp_path: Path, kind: str, suffix: str) -> None:
    ramp = np.linspace(0, 65535, 48 * 48).reshape(48, 48)
    save_one(tmp_path / "pictures", Image.fromarray(ramp.astype(kind)), f"face.{suffix}")
    import_folders(tmp_path / "pictures", tmp_path / "one.csv")
    image = read_dataset(tmp_path / "one.csv").images[0]
    assert abs(image - ramp / 257).max() <= 0.51


@pytest.mark.parametrize("before", ["an earlier CSV\n", None])
def test_a_picture_that_cannot_be_read_costs_no_csv_that_is_there(tmp_path: Path, before: str | None) -> None:
    save_one(tmp_path / "pictures", Image.new("L", (48, 48)), "1.png")
    (tmp_path / "pictures" / "Training" / "sad" / "2.png").write_bytes(b"no picture")
    path = tmp_path / "own.csv"
    if before:
        path.write_text(before)
    with pytest.raises(DatasetError, match=r"2\.png can't be read"):
        import_folders(tmp_path / "pictures", path)
    assert (path.read_text() if path.exists() else None) == before
    assert not list(tmp_path.glob("*.partial"))


def test_a_full_folder_is_not_written_over(small_csv: Path, tmp_path: Path) -> None:
    dataset = read_dataset(small_csv)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not empty"):
        export_folders(dataset, dataset.parts, tmp_path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("Training/glad/1.png", "glad is not one of"),
        ("Other/sad/1.png", "Other is not one of"),
        ("Training/sad/1.png", "can't be read as a picture"),
    ],
)
def test_a_tree_of_another_form_is_refused(tmp_path: Path, path: str, message: str) -> None:
    picture = tmp_path / "tree" / path
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=message):
        import_folders(tmp_path / "tree", tmp_path / "out.csv")


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no pictures"):
        import_folders(tmp_path, tmp_path / "out.csv")
    with pytest.raises(DatasetError, match="no folder"):
        import_folders(tmp_path / "missing", tmp_path / "out.csv")
