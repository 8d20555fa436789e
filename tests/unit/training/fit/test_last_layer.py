from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from db.core.vocabulary import Architecture
from training.fit.last_layer import adjust_last_layer, fit_head, measure_features
from training.fit.runtime import keras
from training.fit.settings import Recipe
from training.networks.build import build_network

RECIPE = Recipe(1, 32, 0.001, "cosine")
FACES = np.random.default_rng(0).integers(0, 256, (40, 48, 48)).astype(np.uint8)
LABELS = np.arange(40) % 7

Array = npt.NDArray[np.floating[Any]]


def softmax(logits: Array) -> Array:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Array = shares / shares.sum(axis=1, keepdims=True)
    return found


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return build_network(Architecture.SMALL)


def test_a_mixed_layer_is_the_mean_of_both_heads_logarithms(network: keras.Model) -> None:
    layer = network.get_layer("emotions")
    before = layer.get_weights()
    features = measure_features(network, FACES, RECIPE)
    hard = fit_head(features, np.eye(7, dtype=np.float32)[LABELS])
    recipe = RECIPE.change({"hard_share": 0.25})
    adjust_last_layer(network, FACES, LABELS, recipe)
    mixed = softmax(features @ layer.get_weights()[0] + layer.get_weights()[1])
    layer.set_weights(before)
    logs = 0.75 * np.log(softmax(features @ before[0] + before[1])) + 0.25 * np.log(
        softmax(features @ hard[0] + hard[1])
    )
    assert mixed == pytest.approx(softmax(logs), abs=1e-5)


def test_only_neutral_is_lowered(network: keras.Model) -> None:
    layer = network.get_layer("emotions")
    before = layer.get_weights()
    adjust_last_layer(network, FACES, LABELS, RECIPE.change({"neutral_offset": 0.25}))
    assert (before[1] - layer.get_weights()[1]).tolist() == pytest.approx([0, 0, 0, 0, 0.25, 0, 0])
    layer.set_weights(before)


def test_a_head_tells_separable_classes_apart() -> None:
    features = np.repeat(np.eye(3, dtype=np.float32) * 5, 10, axis=0)
    targets = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    weights, bias = fit_head(features, targets)
    assert ((features @ weights + bias).argmax(axis=1) == targets.argmax(axis=1)).all()
