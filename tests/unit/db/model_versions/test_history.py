"""A version's training history, written and read."""

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from db.model_versions.history import TrainingHistory
from db.model_versions.records import HISTORY_FILE
from training.export.artifact import list_pretrained


@pytest.mark.parametrize("folder", list_pretrained().values(), ids=lambda folder: folder.name)
def test_the_histories_that_are_shipped_are_read_whole_and_written_alike(folder: Path) -> None:
    stored = (folder / HISTORY_FILE).read_text()
    history = TrainingHistory.read(stored)
    assert json.loads(history.to_text()) == json.loads(stored)


def test_a_loss_that_is_no_number_is_null_as_json_has_it() -> None:
    point = {"epoch": 1, "loss": math.nan, "accuracy": 0.5, "val_loss": math.inf, "val_accuracy": 0.5, "seconds": 1.0}
    history = TrainingHistory.model_validate({"best_epoch": 1, "epochs": [point]})
    assert json.loads(history.to_text())["epochs"][0] == {**point, "loss": None, "val_loss": None}


def test_what_is_no_history_is_refused() -> None:
    with pytest.raises(ValidationError):
        TrainingHistory.read("[]")
