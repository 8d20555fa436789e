"""Adjusts the last layer of a trained network, without cost at inference.

Two heads on the same features, mixed in the logarithm of their probabilities, are again one linear layer. So a head trained on
the published hard labels is mixed into the one trained on votes, and `neutral`, which FER+'s voters choose when uncertain, is
made less likely: docs/decisions/0210.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from db.core.vocabulary import EMOTIONS, Emotion
from training.data.augment import resize_batch
from training.fit.runtime import keras, tf
from training.fit.settings import Recipe
from training.networks.normalize import normalize_faces

Array = npt.NDArray[np.float32]

_L2 = 0.01
"""L2 penalty of the hard head; 0.001 to 0.01 made no difference on validation rows."""
_STEPS = 60
_AT_ONCE = 256


def adjust_last_layer(
    network: "keras.Model", images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], recipe: Recipe
) -> None:
    """Change the network's last layer in place, by the recipe's `hard_share` and `neutral_offset`.

    images: uint8 (N, 48, 48), labels: int64 (N,), hard labels, of the training rows.
    """
    layer = network.get_layer("emotions")
    weights, bias = layer.get_weights()
    if recipe.hard_share:
        features = measure_features(network, images, recipe)
        hard_weights, hard_bias = fit_head(features, np.eye(len(EMOTIONS), dtype=np.float32)[labels])
        weights = (1 - recipe.hard_share) * weights + recipe.hard_share * hard_weights
        bias = (1 - recipe.hard_share) * bias + recipe.hard_share * hard_bias
    bias = bias.copy()
    bias[EMOTIONS.index(Emotion.NEUTRAL)] -= recipe.neutral_offset
    layer.set_weights([weights, bias])


def measure_features(network: "keras.Model", images: npt.NDArray[np.uint8], recipe: Recipe) -> Array:
    """Return the inputs of the last layer for each face, averaged over the face and its mirror image: float32 (N, C)."""
    last = network.get_layer("emotions")
    inner = keras.Model(network.input, last.input)

    def infer(faces: "tf.Tensor") -> "tf.Tensor":
        seen = tf.cast(faces, tf.float32)
        seen = resize_batch(normalize_faces(seen) if recipe.normalized else seen, recipe.input_size)
        return (inner(seen, training=False) + inner(seen[:, :, ::-1], training=False)) / 2

    traced = tf.function(infer, reduce_retracing=True)

    def batches() -> Iterator[Array]:
        for start in range(0, len(images), _AT_ONCE):
            yield traced(tf.constant(images[start : start + _AT_ONCE, ..., None])).numpy()

    return np.concatenate(list(batches()))


def fit_head(features: Array, targets: Array) -> tuple[Array, Array]:
    """Fit a multinomial logistic regression of targets (N, K) on features (N, C). Returns weights (C, K) and bias (K,)."""
    count, width, classes = len(features), features.shape[1], targets.shape[1]

    def measure_loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights, bias = flat[:-classes].reshape(width, classes), flat[-classes:]
        logits = features @ weights.astype(np.float32) + bias.astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        log_shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        error = (np.exp(log_shares) - targets) / count
        slope = np.concatenate([(features.T @ error + _L2 * weights).ravel(), error.sum(axis=0)])
        loss = -(targets * log_shares).sum() / count + _L2 / 2 * (weights**2).sum()
        return float(loss), slope.astype(np.float64)

    start = np.zeros((width + 1) * classes)
    found = minimize(measure_loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x.astype(np.float32)
    return found[:-classes].reshape(width, classes), found[-classes:]
