"""Runs on several devices at once. Two halves of the processor stand for two GPUs, for which the code is the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

PROGRAM = """
import dataclasses, json, sys
from pathlib import Path
from training import pipeline
from training.fit import runtime
from training.errors import RunStopped
from training.fit.runtime import tf
from training.fit.run_state import RunState
from training.fit.settings import RECIPES, Stage, TrainSettings

processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
csv, folder = Path(sys.argv[1]), Path(sys.argv[2])
list_devices, mirror, gpus = tf.config.list_physical_devices, tf.distribute.MirroredStrategy, []
tf.config.list_physical_devices = lambda kind=None: gpus if kind == "GPU" else list_devices(kind)
tf.config.experimental.set_memory_growth = lambda *_: None
tf.distribute.MirroredStrategy = lambda: mirror(["CPU:0", "CPU:1"])

make_version = pipeline.make_version


def run(name, devices, network, stops_after=None, teachers=(), is_asked=False):
    # is_asked: whether a version is made of it, which takes longer than the training
    pipeline.make_version = make_version if is_asked else lambda folder, *_: folder
    gpus[:] = ["one", "two"] if devices == 2 else []
    pipeline.choose_strategy = runtime.choose_strategy if devices == 2 else tf.distribute.get_strategy
    changes = {"epochs": 2, "batch_size": 32, "learning_rate": 1e-3, "schedule": "inverse", "validation_share": 0.2}
    recipe = dataclasses.replace(RECIPES[network], **changes)
    if network == "default":
        recipe = dataclasses.replace(recipe, stages=(Stage(1.0, 16),))
    settings = TrainSettings(csv, "hard", network, recipe, precision="float32")
    done = []
    note = lambda progress: done.append(progress.last) if progress.last else None
    try:
        made = pipeline.run_training(
            settings, folder / name, progress=note, should_stop=lambda: stops_after is not None and len(done) >= stops_after,
            teachers=teachers,
        )
    except RunStopped:
        return run(name, devices, network)
    return made, [[figures.loss, figures.val_loss] for figures in RunState(folder / name).curves]


one, curves = run("one", 1, "tiny")
found = {
    "one": curves,
    "two": run("two", 2, "tiny")[1],
    "two, stopped after an epoch": run("stopped", 2, "tiny", stops_after=1)[1],
    "two, of the residual networks, taught": run("taught", 2, "default", teachers=[run("teacher", 1, "tiny", is_asked=True)[0]])[1],
}
print("FOUND", json.dumps(found))
"""


@pytest.fixture(scope="module")
def curves(small_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[float]]]:
    """Loss and held-out loss of each epoch, by run."""
    folder = tmp_path_factory.mktemp("devices")
    command = [sys.executable, "-c", PROGRAM, str(small_csv), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.rpartition("FOUND ")[2])
    return found


@pytest.mark.timeout(300)
def test_two_devices_learn_what_one_does(curves: dict[str, list[list[float]]]) -> None:
    """But for what dropout draws on each, and the order of sums."""
    for two, one in zip(curves["two"], curves["one"], strict=True):
        assert two == pytest.approx(one, rel=0.03)


def test_a_run_on_two_devices_goes_on_as_if_it_had_not_been_stopped(curves: dict[str, list[list[float]]]) -> None:
    for stopped, whole in zip(curves["two, stopped after an epoch"], curves["two"], strict=True):
        assert stopped == pytest.approx(whole, rel=1e-4)


def test_the_residual_networks_learn_from_a_teacher_on_two_devices(curves: dict[str, list[list[float]]]) -> None:
    losses = [loss for loss, _ in curves["two, of the residual networks, taught"]]
    assert losses[1] < losses[0]
