"""Going on with a run. By the command's options: tests/unit/emoscope/cli/commands/test_train.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from db.core.vocabulary import Architecture
from training.errors import RunError
from training.fit.resume import refuse_others
from training.fit.run_settings import Origin, claim_run_dir
from training.fit.settings import RECIPES, TrainSettings


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    recipe = replace(RECIPES[Architecture.REPORT], epochs=7)
    settings = TrainSettings(tmp_path / "faces.csv", "hard", Architecture.REPORT, recipe, seed=3)
    claim_run_dir(tmp_path / "run", settings, Origin("d" * 64))
    return tmp_path / "run"


def test_what_is_so_anyway_may_be_asked_for(run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refuse_others(run_dir, {"epochs": 7, "seed": 3, "split_seed": 3, "labels": "hard", "csv": Path("faces.csv")})
    refuse_others(run_dir, {"precision": "auto", "threads": 9})
    refuse_others(run_dir, {})


def test_what_differs_is_named_by_its_option(run_dir: Path) -> None:
    with pytest.raises(RunError, match="different --batch-size and --epochs; omit these options"):
        refuse_others(run_dir, {"epochs": 8, "batch_size": 1, "seed": 3})
    with pytest.raises(RunError, match="different --votes"):
        refuse_others(run_dir, {"votes": Path("votes.csv")})
