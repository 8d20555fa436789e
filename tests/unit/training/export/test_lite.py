import shutil
from pathlib import Path

import numpy as np
import pytest

from training.errors import ArtifactDamagedError
from training.export.artifact import TFLITE_FILE, list_pretrained
from training.export.lite import load_lite

FOLDER = next(iter(list_pretrained().values()))
CROPS = np.random.default_rng(3).integers(0, 256, (5, 48, 48)).astype(np.uint8)


def test_answers_do_not_depend_on_how_many_are_asked_at_once() -> None:
    model = load_lite(FOLDER)
    whole = model.predict(CROPS)
    assert whole.shape == (5, 7)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-5)
    for size in (1, 2):
        np.testing.assert_allclose(model.predict(CROPS, batch_size=size), whole, atol=1e-6)
    assert model.predict(CROPS[:0]).shape == (0, 7)


def test_answers_stay_when_others_are_asked_for() -> None:
    model = load_lite(FOLDER)
    first = model.predict(CROPS[:1])
    kept = first.copy()
    model.predict(CROPS[1:])
    assert (first == kept).all()


def test_a_damaged_file_is_not_loaded(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "version")
    with (folder / TFLITE_FILE).open("ab") as file:
        file.write(b"more")
    with pytest.raises(ArtifactDamagedError):
        load_lite(folder)
