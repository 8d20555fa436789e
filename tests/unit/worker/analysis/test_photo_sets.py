from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from db.core.vocabulary import EMOTIONS, Emotion
from training.errors import DatasetError
from training.evaluation.sets import EvaluationSet
from worker.analysis.detectors.base import Candidates, CropGeometry, Detector
from worker.analysis.photo_sets import list_labelled_photos, read_photo_set
from worker.analysis.resize import Picture


class WholePicture(Detector):
    """Finds one face that fills the picture, and none in a black one."""

    name = "whole"
    default_threshold = 0.5
    geometry = CropGeometry(margin=0.0, shift_y=0.0)

    def load(self) -> None:
        """Nothing to load."""

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        height, width = picture.shape[:2]
        count = int(picture.max() > 0)
        return Candidates(
            np.array([[0, 0, width, height]] * count, np.float32).reshape(-1, 4), np.ones(count, np.float32)
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, grey in (("a", 200), ("b", 90), ("c", 0)):
        Image.new("RGB", (64, 64), (grey, grey, grey)).save(tmp_path / f"{name}.png")
    return tmp_path


def read(path: Path) -> EvaluationSet:
    return read_photo_set(path, WholePicture(), min_face_px=16)


def test_a_csv_gives_labels_and_slices(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,emotion,age\na.png,Happy,old\nb.png,anger,young\nc.png,sad,old\n")
    found = read(folder)
    assert [EMOTIONS[place] for place in found.truth] == [Emotion.HAPPY, Emotion.ANGRY]
    assert found.slices["age=old"].tolist() == [True, False]
    assert found.missed.tolist() == [EMOTIONS.index(Emotion.SAD)]
    assert found.crops[:, 0, 0].tolist() == [200, 90]
    assert found.name == folder.name


def test_folders_give_labels(folder: Path) -> None:
    (folder / "happy").mkdir()
    (folder / "happy" / ".DS_Store").write_bytes(b"x")
    (folder / "a.png").rename(folder / "happy" / "a.png")
    (folder / "fear").mkdir()
    (folder / "b.png").rename(folder / "fear" / "b.png")
    photos = list_labelled_photos(folder)
    assert [photo.emotion for photo in photos] == [Emotion.FEARFUL, Emotion.HAPPY]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("file,emotion\na.png,bored\n", "bored"),
        ("file,emotion\nd.png,happy\n", "doesn't exist"),
        ("name,emotion\na.png,happy\n", "needs a file"),
        ("file,emotion\n", "no labelled photos"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, text: str, fault: str) -> None:
    (folder / "labels.csv").write_text(text)
    with pytest.raises(DatasetError, match=fault):
        read(folder)


def test_a_column_of_names_is_no_slice(folder: Path) -> None:
    photos = "".join(f"a.png,happy,{n}\n" for n in range(25))
    (folder / "labels.csv").write_text("file,emotion,person\n" + photos)
    assert read(folder).slices == {}


def test_a_set_without_a_face_is_refused(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,emotion\nc.png,happy\n")
    with pytest.raises(DatasetError, match="no face"):
        read(folder)
