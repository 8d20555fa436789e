import numpy as np
import pytest

from tests.support.networks import CROPS, build_quick_network
from training.export import quantize
from training.export.artifact import list_pretrained, read_manifest
from training.export.lite import LiteModel, load_lite
from training.export.quantize import Int8Form, Int8Limits, is_alike, quantize_served
from training.export.served import build_served, convert_to_tflite
from training.fit.runtime import keras

TRUTH = np.arange(len(CROPS)) % 7


@pytest.fixture(scope="module")
def served() -> keras.Model:
    """A network whose answers to CROPS differ from face to face."""
    keras.utils.set_random_seed(3)
    return build_served(build_quick_network(), temperature=0.4, flip=False, input_size=32)


@pytest.fixture(scope="module")
def float32_file(served: keras.Model) -> bytes:
    return convert_to_tflite(served)


@pytest.fixture(scope="module")
def float32(float32_file: bytes) -> LiteModel:
    return LiteModel(float32_file)


@pytest.fixture(scope="module")
def wrong_at_random(served: keras.Model, float32: LiteModel) -> Int8Form:
    """Quantised with labels that its answers have nothing to do with."""
    made = quantize_served(served, float32, 0.4, CROPS, TRUTH)
    assert made is not None
    return made


def test_the_int8_form_is_a_third_as_large_and_answers_alike(
    served: keras.Model, float32: LiteModel, float32_file: bytes
) -> None:
    answers = float32.predict(CROPS)
    made = quantize_served(served, float32, 0.4, CROPS, answers.argmax(axis=1))
    assert made is not None
    assert len(made.content) < len(float32_file) / 3
    found = LiteModel(made.content).predict(CROPS)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert made.metrics["accuracy"] == (found.argmax(axis=1) == answers.argmax(axis=1)).mean()
    assert (made.metrics["rows"], made.metrics["float32_accuracy"]) == (len(CROPS), 1.0)


def test_its_temperature_is_its_own_and_the_served_model_keeps_its_own(
    served: keras.Model, wrong_at_random: Int8Form
) -> None:
    assert wrong_at_random.metrics["temperature"] > 0.4  # right once in seven, it has to be less sure than it was
    assert wrong_at_random.metrics["log_loss"] < wrong_at_random.metrics["float32_log_loss"]
    assert served.get_layer("temperature").scale == pytest.approx(1 / 0.4)


def test_without_labels_or_where_it_would_be_worse_there_is_none(
    served: keras.Model, float32: LiteModel, wrong_at_random: Int8Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quantize_served(served, float32, 0.4, CROPS[:0], TRUTH[:0]) is None
    monkeypatch.setattr(quantize, "convert_to_int8", lambda *_, **__: wrong_at_random.content)
    limits = Int8Limits(max_accuracy_loss=-1.0)
    assert quantize_served(served, float32, 0.4, CROPS, TRUTH, limits) is None


@pytest.mark.parametrize("name", list_pretrained())
def test_each_shipped_version_has_a_form_that_does_as_well(name: str) -> None:
    folder = list_pretrained()[name]
    manifest = read_manifest(folder)
    assert is_alike(manifest.metrics["int8"])
    assert manifest.metrics["int8"]["rows"] > 1000
    random = np.random.default_rng(1)
    smooth = random.integers(0, 256, (12, 8, 8)).repeat(6, axis=1).repeat(6, axis=2).astype(np.uint8)
    apart = load_lite(folder, is_int8=True).predict(smooth) - load_lite(folder).predict(smooth)
    assert 0 < np.abs(apart).max() < 0.15
