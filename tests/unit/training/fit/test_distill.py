import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from db.core.vocabulary import Architecture
from training.data.augmentation import Augmentation
from training.data.batches import Examples
from training.errors import ArtifactError
from training.export.artifact import PRETRAINED_DIR, read_manifest
from training.export.lite import load_lite
from training.fit.distill import Teachers, load_teachers
from training.fit.loop import fit_network
from training.fit.run_state import Arrays, RunState
from training.fit.runtime import keras, tf
from training.fit.settings import RECIPES, Stage

VOTES, SINGLE = (PRETRAINED_DIR / name for name in ("default", "default-hard"))
FACES = np.random.default_rng(3).integers(0, 256, (40, 48, 48), np.uint8)
LABELS = np.eye(7, dtype=np.float32)[np.arange(40) % 7]
EXAMPLES = Examples(FACES, LABELS, np.ones(40, np.float32))
RECIPE = dataclasses.replace(
    RECIPES[Architecture.DEFAULT],
    epochs=1,
    batch_size=40,
    ema=0.0,
    stages=(Stage(1.0, 32),),
    augmentation=Augmentation(flip=True, rotation_deg=15, random_erasing=0.5),
)


def ask(folders: list[Path], faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    answers: npt.NDArray[np.float32] = load_teachers(folders).ask(tf.constant(faces[..., None], tf.float32)).numpy()
    return answers


def learn(run_dir: Path, *, share: float, labels: npt.NDArray[np.float32] = LABELS) -> Arrays:
    """The weights after one step of the same small network, taught by one that is sure of surprise in bright pictures."""
    keras.utils.set_random_seed(7)
    faces = keras.Input((None, None, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, 4)(faces))
    network = keras.Model(faces, keras.layers.Dense(7)(pooled))
    brightness = keras.layers.GlobalAveragePooling2D()
    teachers = Teachers(lambda shown: tf.nn.softmax(tf.one_hot([6], 7) * brightness(shown) / 64), side=40)
    changed = dataclasses.replace(RECIPE, teacher_share=share)
    examples = dataclasses.replace(EXAMPLES, targets=labels)
    fit_network(
        network,
        examples,
        EXAMPLES,
        changed,
        run_dir,
        seed=7,
        teachers=teachers,
        progress=lambda _: None,
        should_stop=lambda: False,
    )
    return RunState(run_dir).load_best()


@pytest.mark.parametrize(("folder", "crop_scales"), [(VOTES, (48,)), (SINGLE, (42, 52))])
def test_a_teacher_answers_as_it_did_before_its_temperature_was_fitted(
    folder: Path, crop_scales: tuple[int, ...]
) -> None:
    manifest = read_manifest(folder)
    assert (manifest.crop_scales, manifest.flip) == (crop_scales, True)
    seen = {48: FACES[:5], 42: FACES[:5, 3:-3, 3:-3], 52: np.pad(FACES[:5], ((0, 0), (2, 2), (2, 2)), mode="symmetric")}
    views = [view for side in crop_scales for view in (seen[side], seen[side][:, :, ::-1])]
    logits = np.log(np.stack([ask([folder], faces) for faces in views])).mean(axis=0)  # served ones look at all of them
    served = np.log(load_lite(folder).predict(FACES[:5]))
    logits, served = (rows - rows.mean(axis=1, keepdims=True) for rows in (logits, served))
    by_face = (logits * served).sum(axis=1, keepdims=True) / (logits**2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(served, logits * by_face, atol=1e-2)
    if not manifest.conditions:  # otherwise each face has a temperature of its own
        np.testing.assert_allclose(by_face, 1 / manifest.temperature, rtol=1e-3)


def test_several_teachers_answer_by_the_mean_of_their_logits() -> None:
    product = np.sqrt(ask([VOTES], FACES) * ask([SINGLE], FACES))
    both = ask([VOTES, SINGLE], FACES)
    np.testing.assert_allclose(both, product / product.sum(axis=1, keepdims=True), atol=1e-4)
    np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-5)


def test_a_folder_without_a_version_is_no_teacher(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        load_teachers([tmp_path])


def test_the_share_is_what_the_teachers_say_and_the_rest_are_the_labels(tmp_path: Path) -> None:
    other = np.roll(LABELS, 1, axis=1)
    by_teachers, again = (
        learn(tmp_path / str(n), share=1.0, labels=labels) for n, labels in enumerate((LABELS, other))
    )
    by_labels, half = (learn(tmp_path / f"share-{share}", share=share) for share in (0.0, 0.5))
    assert all(map(np.array_equal, by_teachers, again))
    assert not all(map(np.array_equal, by_labels, by_teachers))
    assert not all(map(np.array_equal, half, by_labels))


@pytest.mark.long
def test_teachers_teach_on_several_devices(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from training.fit.runtime import tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from pathlib import Path
from test_distill import learn
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    learn(Path(sys.argv[1]), share=0.5)
"""
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert RunState(tmp_path).epochs_done == 1
