from pathlib import Path

import numpy as np
import pytest

from training.fit.run_state import EpochMetrics, RunState
from training.fit.settings import RECIPES, Monitor

CURVE = [(0.9, 0.60), (0.8, 0.72), (0.7, 0.70), (0.75, 0.71)]
"""Held-out loss and accuracy of each epoch."""


@pytest.mark.parametrize(("monitor", "best"), [("accuracy", 2), ("loss", 3), ("last", 4)])
def test_the_epoch_kept_is_the_one_that_the_recipe_wants(monitor: Monitor, best: int, tmp_path: Path) -> None:
    state = RunState(tmp_path)
    for epoch, (loss, accuracy) in enumerate(CURVE, start=1):
        figures = EpochMetrics(epoch, 1.0, 0.5, loss, accuracy, 1.0)
        state.finish_epoch(figures, [], [np.full(3, epoch)], monitor)
    again = RunState(tmp_path)
    assert again.best_epoch == best
    assert again.load_best()[0].tolist() == [best] * 3


def test_of_equals_the_first_is_kept(tmp_path: Path) -> None:
    state = RunState(tmp_path)
    for epoch in (1, 2):
        state.finish_epoch(EpochMetrics(epoch, 1.0, 0.5, 0.7, 0.6, 1.0), [], [np.full(1, epoch)], "loss")
    assert state.best_epoch == 1


def test_recipes_keep_what_their_networks_need() -> None:
    assert {name: recipe.monitor for name, recipe in RECIPES.items()} == {
        "report": "accuracy", "report-dense": "accuracy", "tiny": "accuracy", "small": "loss", "default": "loss", "large": "loss",
        "wide": "loss",
    }  # fmt: skip
