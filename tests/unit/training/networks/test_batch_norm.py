from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from training.fit.runtime import keras, tf
from training.networks.batch_norm import FusedBatchNormalization

FEATURES = np.random.default_rng(1).normal(3, 2, (8, 6, 5, 4)).astype(np.float32)
WANTED = np.random.default_rng(2).normal(0, 1, FEATURES.shape).astype(np.float32)

Step = tuple[list[Any], npt.NDArray[np.float32]]


def step(layer: keras.layers.Layer) -> Step:
    """One step's answers, gradients and running statistics, then the answers when it no longer learns."""
    layer.build(FEATURES.shape)
    layer.gamma.assign([1.0, 2.0, 0.5, -1.0])
    layer.beta.assign([0.0, 1.0, -1.0, 0.5])
    features = tf.constant(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(features)
        outputs = layer(features, training=True)
        loss = tf.reduce_sum(outputs * WANTED)
    gradients = tape.gradient(loss, [features, layer.gamma.value, layer.beta.value])
    return [outputs, *gradients, layer.moving_mean, layer(features, training=False)], np.asarray(layer.moving_variance)


@pytest.fixture(scope="module")
def steps() -> tuple[Step, Step]:
    return step(FusedBatchNormalization(momentum=0.9)), step(keras.layers.BatchNormalization(momentum=0.9))


def test_a_step_is_that_of_keras(steps: tuple[Step, Step]) -> None:
    (ours, _), (theirs, _) = steps
    for found, expected in zip(ours[:-1], theirs[:-1], strict=True):
        assert np.allclose(found, expected, atol=2e-5)


def test_the_running_variance_is_the_unbiased_one(steps: tuple[Step, Step]) -> None:
    (_, ours), (_, theirs) = steps
    count = FEATURES[..., 0].size
    assert np.allclose(ours - 0.9, (theirs - 0.9) * count / (count - 1), rtol=1e-4)


def test_what_learnt_answers_alike_as_keras_own_layer(steps: tuple[Step, Step]) -> None:
    learnt = FusedBatchNormalization()
    stored = keras.layers.BatchNormalization()
    for layer in (learnt, stored):
        layer.build(FEATURES.shape)
    learnt(FEATURES, training=True)
    stored.set_weights(learnt.get_weights())
    assert np.array_equal(learnt(FEATURES, training=False), stored(FEATURES, training=False))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_16_bits_in_and_out_with_statistics_in_32(precision: str) -> None:
    layer = FusedBatchNormalization(momentum=0.0, dtype=precision)
    outputs = layer(tf.constant(FEATURES), training=True)
    assert outputs.dtype == layer.compute_dtype
    assert np.allclose(layer.moving_mean, FEATURES.mean(axis=(0, 1, 2)), atol=0.05)
