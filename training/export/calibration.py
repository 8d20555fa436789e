"""Fits the calibration of a version on validation rows: a temperature, and its increase under conditions."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from training.data.augment import degrade_batch
from training.data.augmentation import Augmentation
from training.data.dataset import Dataset
from training.data.examples import SplitExamples
from training.evaluation.calibrate import fit_temperature
from training.export.served import build_served, predict
from training.fit.runtime import keras, tf
from training.fit.settings import Recipe
from training.networks.conditions import ConditionWeights, fit_conditions, measure_conditions

HARD_CONDITIONS = Augmentation(blur=2.5, noise=25.0, cover=0.5, dim=0.25)
"""Augmentation of the validation rows; the evaluation uses other coverings and values."""

_COPIES = 6
_CLEAN_WEIGHT = 3.0
"""Weight of a clean face relative to its degraded copies, so that calibration on clean faces is kept."""
_AT_ONCE = 256


def build_network_server(
    network: "keras.Model", recipe: Recipe, temperature: float, conditions: ConditionWeights | None = None
) -> "keras.Model":
    """Build the served model of a network, with the views and preprocessing of its recipe."""
    return build_served(
        network,
        temperature=temperature,
        flip=recipe.flip,
        input_size=recipe.input_size,
        crop_scales=recipe.crop_scales,
        normalized=recipe.normalized,
        conditions=conditions,
    )


def calibrate_network(
    network: "keras.Model", dataset: Dataset, examples: SplitExamples, recipe: Recipe
) -> tuple[float, ConditionWeights | None]:
    """Fit the temperature and, if the recipe asks for it, its increase, on validation rows with a clear label."""
    rows, truth = examples.validation_rows, examples.validation_truth
    is_known = truth >= 0
    images, truth = dataset.images[rows[is_known]], truth[is_known]
    clean = _predict_logits(build_network_server(network, recipe, 1.0), images)
    temperature = fit_temperature(clean, truth)
    if not recipe.conditions:
        return temperature, None
    served = build_network_server(network, recipe, temperature)
    copies = [degrade_images(images, seed=copy) for copy in range(_COPIES)]
    logits = np.concatenate([clean / temperature, *(_predict_logits(served, copy) for copy in copies)])
    features = np.concatenate([_measure(copy) for copy in (images, *copies)])
    weights = np.repeat(np.array([_CLEAN_WEIGHT, *[1.0] * _COPIES], np.float32), len(images))
    return temperature, fit_conditions(features, logits, np.tile(truth, 1 + _COPIES), weights)


def degrade_images(images: npt.NDArray[np.uint8], *, seed: int) -> npt.NDArray[np.uint8]:
    """Return the crops as in worse photos: covered, out of focus, noisy or dark, each with random values."""
    batches = []
    for start in range(0, len(images), _AT_ONCE):
        faces = tf.cast(images[start : start + _AT_ONCE, ..., None], tf.float32)
        harder = degrade_batch(faces, HARD_CONDITIONS, seed=tf.constant([seed, start]), side=images.shape[1])
        batches.append(np.round(harder.numpy()[..., 0]).astype(np.uint8))
    return np.concatenate(batches)


def _predict_logits(served: "keras.Model", images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the logarithm of the probabilities, which serve as logits."""
    probabilities = np.concatenate(list(_predict_batches(served, images)))
    return np.asarray(np.log(np.maximum(probabilities, 1e-12)), np.float32)


def _predict_batches(served: "keras.Model", images: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, len(images), _AT_ONCE):
        yield predict(served, images[start : start + _AT_ONCE])


def _measure(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    batches = (images[start : start + _AT_ONCE, ..., None] for start in range(0, len(images), _AT_ONCE))
    return np.concatenate([np.asarray(measure_conditions(tf.cast(batch, tf.float32))) for batch in batches])
