import dataclasses
import itertools
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data.augmentation import Augmentation
from training.data.batches import Examples
from training.errors import RunStopped, TrainingDiverged
from training.fit.loop import Progress, ProgressCallback, StopQuestion, fit_network
from training.fit.run_state import RunState
from training.fit.runtime import keras
from training.fit.settings import Recipe, Stage

pytestmark = pytest.mark.timeout(300)

RECIPE = Recipe(
    epochs=3,
    batch_size=16,
    learning_rate=1e-2,
    schedule="cosine",
    warmup_epochs=0.5,
    weight_decay=0.05,
    ema=0.5,
    mixup=0.2,
    monitor="last",  # so that what is compared has come all the way
    stages=(Stage(0.4, 16), Stage(1.0, 48)),
    augmentation=Augmentation(flip=True, shift=0.05, random_erasing=0.1),
)


def build_tiny() -> keras.Model:
    """A network of a second's work, with everything that has a state of its own: normalisation, dropout."""
    faces = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(4, 3, 4)(keras.layers.Rescaling(1 / 255)(faces))
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(faces, keras.layers.Dense(7)(x))


def make_examples(count: int) -> Examples:
    random = np.random.default_rng(count)
    targets = np.eye(7, dtype=np.float32)[random.integers(0, 7, count)]
    return Examples(random.integers(0, 256, (count, 48, 48), np.uint8), targets, np.ones(count, np.float32))


def fit(
    run_dir: Path,
    *,
    seed: int = 5,
    recipe: Recipe = RECIPE,
    progress: ProgressCallback = lambda _: None,
    should_stop: StopQuestion = lambda: False,
) -> RunState:
    keras.utils.set_random_seed(seed)
    training, validation = make_examples(70), make_examples(20)
    return fit_network(
        build_tiny(), training, validation, recipe, run_dir, seed=seed, progress=progress, should_stop=should_stop
    )


def are_equal(first: RunState, second: RunState) -> bool:
    return first.best_epoch == second.best_epoch and all(map(np.array_equal, first.load_best(), second.load_best()))


@pytest.fixture(scope="module")
def reports() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def finished(run_dir: Path, reports: list[Progress]) -> RunState:
    return fit(run_dir, progress=reports.append)


def test_progress_tells_epochs_figures_and_time_left(finished: RunState, reports: list[Progress]) -> None:
    ends = [report for report in reports if report.step == report.steps]
    assert [report.epoch for report in ends] == [1, 2, 3]
    assert ends[-1].seconds_left == 0
    assert ends[-1].last is not None
    assert ends[-1].last.epoch == 3
    assert ends[-1].last.val_loss > 0
    assert ends[0].seconds_left > 0


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(finished: RunState, tmp_path: Path) -> None:
    assert are_equal(finished, fit(tmp_path / "again"))
    assert not are_equal(finished, fit(tmp_path / "other", seed=6))


@pytest.mark.parametrize("epochs", [1, 2], ids=["where the faces grow", "in the middle of a stage"])
def test_a_stopped_run_goes_on_and_ends_as_it_would_have(finished: RunState, tmp_path: Path, epochs: int) -> None:
    done = []

    def note(now: Progress) -> None:
        if now.step == now.steps:
            done.append(now.epoch)

    with pytest.raises(RunStopped, match=f"stopped after {epochs} of 3 epochs"):
        fit(tmp_path, progress=note, should_stop=lambda: len(done) == epochs)
    assert are_equal(finished, fit(tmp_path))


def test_a_killed_run_goes_on_and_ends_as_it_would_have(finished: RunState, tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_loop import fit
fit(Path(sys.argv[1]), progress=lambda now: now.step == now.steps and print(now.epoch, flush=True))
"""
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "1"
        process.kill()
    assert 1 <= RunState(tmp_path).epochs_done < 3
    assert are_equal(finished, fit(tmp_path))


def test_no_batch_is_reported_as_its_epoch_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count(step=2)  # two seconds between any two looks at the clock
    monkeypatch.setattr("training.fit.loop.time.monotonic", lambda: next(moments))
    reports: list[Progress] = []
    fit(tmp_path, progress=reports.append)
    ends = [report for report in reports if report.step == report.steps]
    assert [report.epoch for report in ends] == [1, 2, 3]
    assert len(reports) == 3 * ends[0].steps


def test_a_finished_run_trains_no_further(finished: RunState, run_dir: Path) -> None:
    reports: list[Progress] = []
    assert are_equal(finished, fit(run_dir, progress=reports.append))
    assert reports == []


def test_only_the_current_files_are_kept(finished: RunState, run_dir: Path) -> None:
    names = {path.name for path in run_dir.iterdir()}
    assert names == {"state.json", "state-3.npz", f"best-{finished.best_epoch}.npz"}


def test_plain_adam_takes_fewer_rows_than_a_batch_as_one_batch(tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        RECIPE,
        schedule="inverse",
        weight_decay=0.0,
        ema=0.0,
        epochs=1,
        batch_size=1000,
        augmentation=Augmentation(),
    )
    assert fit(tmp_path, recipe=recipe).epochs_done == 1


def test_a_run_whose_loss_is_no_finite_number_ends_and_keeps_what_was_sound(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, schedule="inverse", weight_decay=0.0, learning_rate=1e38)
    reports: list[Progress] = []
    asked: list[bool] = []

    def should_stop() -> bool:
        asked.append(True)
        return False

    with pytest.raises(TrainingDiverged, match=r"the loss is (nan|inf) in epoch 1"):
        fit(tmp_path, recipe=recipe, progress=reports.append, should_stop=should_stop)
    assert all(math.isfinite(report.loss) for report in reports)
    assert RunState(tmp_path).epochs_done == 0
    assert len(asked) < 70 // recipe.batch_size  # at once, not at the end of the epoch


def test_an_epoch_whose_last_step_spoiled_the_weights_is_not_stored(tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        RECIPE, schedule="inverse", weight_decay=0.0, ema=0.0, learning_rate=1e38, batch_size=70
    )
    with pytest.raises(TrainingDiverged, match="in epoch 1"):
        fit(tmp_path, recipe=recipe)
    assert RunState(tmp_path).epochs_done == 0


@pytest.mark.parametrize("changes", [{"ema": 0.0}, {"label_smoothing": 0.2}], ids=str)
def test_what_a_recipe_says_changes_what_is_learnt(finished: RunState, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert not are_equal(finished, fit(tmp_path, recipe=dataclasses.replace(RECIPE, **changes)))
